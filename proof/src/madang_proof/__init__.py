"""Proof of what Madang promises, and what it costs: `madang prove` and `madang bench`, in a distribution of its own.

    history     what clients of a server saw, one JSON object per line, and the checker that judges it
    load        virtual users, whose clients note all that they ask and are told
    testbed     servers under test, and what is put between them, their disks, their clocks and their clients
    faults      what goes wrong on purpose
    measuring   loads that are measured, for `madang bench`
    run.py      one run of `madang prove`: plan.py says what is done, verdict.py what came of it

Nothing here serves. Of the product it uses what is public: its command line, the protocol, codes and errors.
"""
