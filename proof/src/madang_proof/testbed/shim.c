/* A disk and a clock that fail on demand, for a program that does not know of it (LD_PRELOAD; Linux with glibc).
 *
 * Below the functions of libc that write, sync and tell the time, for the files whose path begins with SHIM_FILES:
 *
 *   - Before a file is changed, what was there goes into an undo log (SHIM_LOG), and every fsync that succeeded is
 *     noted. After the program's death `shim_undo.py` undoes with it what was never synced: a power cut.
 *   - Files cannot grow beyond the room that is left: ENOSPC, after a short write, as on a full disk.
 *   - An fsync fails with EIO. What it should have made durable is marked lost: the kernel drops such pages, and a
 *     later fsync that succeeds says nothing about them.
 *   - The wall clock is off by a number of seconds. The monotonic clock is not.
 *
 * SHIM_CONTROL is a file with `struct control` in it, mapped, so that another process turns the switches at any time.
 * Memory maps are not watched: SQLite's -shm is one, and it is rebuilt after a crash. Nor are rename, writev, dup and
 * files of a fork: SQLite does none of these with a database.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {                    /* keep in step with shim.py */
    volatile int64_t clock_ns;      /* added to the wall clock */
    volatile int64_t room;          /* bytes that files may still grow by; negative: no bound */
    volatile int32_t failing_syncs; /* how many of the next fsyncs fail; negative: all */
    volatile int32_t dying_sync;    /* the process dies before this fsync, counted from now; 0: it does not */
    volatile int32_t copying;       /* not 0: overwriting takes space as well, as on file systems that copy on write */
};

enum kind { OPENED = 1, CREATED, WRITTEN, CUT, REMOVED, SYNCED, FOLDER_SYNCED, LOST };

struct record {                     /* keep in step with shim_undo.py; `kept` bytes follow */
    uint32_t kind, file;
    uint64_t offset;                /* WRITTEN; CUT: the new size; REMOVED: number of the link; syncs: log position */
    uint64_t length;                /* WRITTEN */
    uint64_t size;                  /* of the file before */
    uint64_t kept;
};

#define FILES 32
#define FDS 65536
#define FOLDER 255                  /* in of_fd: a descriptor of the folder itself */
#define LOG_KEEPS (1 << 20)         /* a log longer than this is started again when nothing in it is unsynced */

static struct {
    char path[1024];
    uint64_t changed, synced;       /* log positions: above the newest change, and up to where all is synced */
} files[FILES];
static struct { uint64_t changed, synced; } folder;
static unsigned char of_fd[FDS];    /* 0: not ours; otherwise the index of its file, plus one */
static int file_count, log_fd = -1, links;
static uint64_t position;           /* length of the log */
static bool carried, lost;          /* the log holds what an earlier process left; something can never be synced */
static const char *prefix, *log_path;
static size_t prefix_length;
static char folder_path[1024];
static struct control *control;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The functions below these, found when they are first needed: other libraries may call us before our constructor. */
#define BELOW(result, name, ...)                                     \
    static result (*below_##name)(__VA_ARGS__);                      \
    static void find_##name(void) {                                  \
        if (!below_##name) *(void **)&below_##name = dlsym(RTLD_NEXT, #name); \
    }
BELOW(int, open64, const char *, int, ...)
BELOW(int, openat64, int, const char *, int, ...)
BELOW(int, close, int)
BELOW(ssize_t, write, int, const void *, size_t)
BELOW(ssize_t, pwrite64, int, const void *, size_t, off64_t)
BELOW(int, ftruncate64, int, off64_t)
BELOW(int, unlink, const char *)
BELOW(int, fsync, int)
BELOW(int, fdatasync, int)
BELOW(int, clock_gettime, clockid_t, struct timespec *)

/* An earlier process left this log. Its last record may be cut off; and names that were not synced still are not. */
static void take_up_log(void) {
    uint64_t size = (uint64_t)lseek64(log_fd, 0, SEEK_END);
    struct record record;
    while (pread64(log_fd, &record, sizeof record, (off64_t)position) == (ssize_t)sizeof record) {
        uint64_t end = position + sizeof record + record.kept;
        if (end > size) break;
        position = end;
        if (record.kind == CREATED || record.kind == REMOVED) folder.changed = end;
        if (record.kind == FOLDER_SYNCED) folder.synced = record.offset;
        if (record.kind == LOST) lost = true;
    }
    below_ftruncate64(log_fd, (off64_t)position);
    carried = position > 0;
}

__attribute__((constructor)) static void begin(void) {
    find_open64(), find_openat64(), find_close(), find_write(), find_pwrite64(), find_ftruncate64(), find_unlink();
    find_fsync(), find_fdatasync(), find_clock_gettime();
    const char *switches = getenv("SHIM_CONTROL");
    prefix = getenv("SHIM_FILES"), log_path = getenv("SHIM_LOG");
    if (!switches || !prefix || !log_path) return;
    int fd = below_open64(switches, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *page = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    below_close(fd);
    if (page == MAP_FAILED) return;
    int plain = below_open64(log_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (plain < 0) return;
    log_fd = fcntl(plain, F_DUPFD_CLOEXEC, 200);  /* out of the way of programs that count descriptors */
    below_close(plain);
    prefix_length = strlen(prefix);
    snprintf(folder_path, sizeof folder_path, "%s", prefix);
    char *slash = strrchr(folder_path, '/');
    if (slash) *slash = 0;
    take_up_log();
    links = (int)(time(NULL) % 1000000) * 1000;  /* another process' links have other numbers */
    control = page;
}

/* -- the undo log; `lock` is held ------------------------------------------------------------------------------------ */

static void note(enum kind kind, int file, uint64_t offset, uint64_t length, uint64_t size, const void *kept, size_t n) {
    struct record record = { kind, (uint32_t)file, offset, length, size, n };
    struct iovec parts[2] = { { &record, sizeof record }, { (void *)kept, n } };
    ssize_t wrote = writev(log_fd, parts, n ? 2 : 1);
    if (wrote != (ssize_t)(sizeof record + n)) abort();  /* what cannot be undone must not be done */
    position += sizeof record + n;
}

/* Read what a change is about to overwrite. The buffer is ours until the next call. */
static const void *old_bytes(int fd, uint64_t offset, size_t n) {
    static char *buffer;
    static size_t room;
    if (n > room) {
        free(buffer);
        buffer = malloc(room = n);
    }
    for (size_t done = 0; done < n;) {
        ssize_t got = pread64(fd, buffer + done, n - done, (off64_t)(offset + done));
        if (got <= 0) abort();
        done += (size_t)got;
    }
    return buffer;
}

static void forget_what_is_synced(void) {
    if (position < LOG_KEEPS || lost || folder.changed > folder.synced) return;
    for (int i = 0; i < file_count; i++)
        if (files[i].changed > files[i].synced) return;
    below_ftruncate64(log_fd, 0);
    position = folder.changed = folder.synced = 0;
    for (int i = 0; i < file_count; i++) {
        files[i].changed = files[i].synced = 0;
        note(OPENED, i, 0, 0, 0, files[i].path, strlen(files[i].path));
    }
}

/* -- opening and closing --------------------------------------------------------------------------------------------- */

static bool ours(const char *path) {
    if (!control || strncmp(path, prefix, prefix_length)) return false;
    size_t n = strlen(path);
    return !(n > 4 && !strcmp(path + n - 4, "-shm")) && !(n > 5 && !strcmp(path + n - 5, ".lock"));
}

static int file_of(const char *path) {
    for (int i = 0; i < file_count; i++)
        if (!strcmp(files[i].path, path)) return i;
    if (file_count == FILES || strlen(path) >= sizeof files[0].path) abort();
    strcpy(files[file_count].path, path);
    note(OPENED, file_count, 0, 0, 0, path, strlen(path));
    files[file_count].changed = carried ? 1 : 0;
    return file_count++;
}

static int open_ours(int at, const char *path, int flags, mode_t mode) {
    pthread_mutex_lock(&lock);
    bool absent = access(path, F_OK) != 0;
    int fd = below_openat64(at, path, flags, mode);
    if (fd >= 0 && fd < FDS) {
        int file = file_of(path);
        of_fd[fd] = (unsigned char)(file + 1);
        if (absent) {
            note(CREATED, file, 0, 0, 0, NULL, 0);
            folder.changed = position;
        }
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

static int open_any(int at, const char *path, int flags, mode_t mode) {
    find_openat64();
    if (ours(path)) return open_ours(at, path, flags, mode);
    int fd = below_openat64(at, path, flags, mode);
    if (fd >= 0 && fd < FDS) of_fd[fd] = control && !strcmp(path, folder_path) ? FOLDER : 0;
    return fd;
}

#define MODE(flags)                                   \
    mode_t mode = 0;                                  \
    if ((flags) & (O_CREAT | O_TMPFILE)) {            \
        va_list more;                                 \
        va_start(more, flags);                        \
        mode = (mode_t)va_arg(more, int);             \
        va_end(more);                                 \
    }
int open(const char *path, int flags, ...) { MODE(flags) return open_any(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return open_any(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE(flags) return open_any(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE(flags) return open_any(at, path, flags, mode); }

int close(int fd) {
    find_close();
    if (fd >= 0 && fd < FDS) of_fd[fd] = 0;
    return below_close(fd);
}

/* -- changing -------------------------------------------------------------------------------------------------------- */

/* Write to a file of ours; `offset` is where it goes. Gives how much of it the disk still takes, 0 with errno for none. */
static size_t before_write(int fd, size_t n, uint64_t offset) {
    int file = of_fd[fd] - 1;
    struct stat64 now;
    if (fstat64(fd, &now)) abort();
    uint64_t size = (uint64_t)now.st_size, end = offset + n;
    if (control->room >= 0 && (end > size || control->copying)) {
        uint64_t room = (uint64_t)control->room, grows = control->copying ? n : end - size;
        if (grows > room) {
            if (grows - room >= n) {
                errno = ENOSPC;
                return 0;
            }
            n -= grows - room;
            grows = room;
        }
        control->room = (int64_t)(room - grows);
    }
    size_t kept = offset >= size ? 0 : size - offset < n ? size - offset : n;
    note(WRITTEN, file, offset, n, size, kept ? old_bytes(fd, offset, kept) : NULL, kept);
    files[file].changed = position;
    return n;
}

static bool watched(int fd) { return fd >= 0 && fd < FDS && of_fd[fd] && of_fd[fd] != FOLDER; }

ssize_t write(int fd, const void *data, size_t n) {
    find_write();
    if (!watched(fd) || !n) return below_write(fd, data, n);
    pthread_mutex_lock(&lock);
    n = before_write(fd, n, (uint64_t)lseek64(fd, 0, SEEK_CUR));
    ssize_t wrote = n ? below_write(fd, data, n) : -1;
    pthread_mutex_unlock(&lock);
    return wrote;
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t offset) {
    find_pwrite64();
    if (!watched(fd) || !n) return below_pwrite64(fd, data, n, offset);
    pthread_mutex_lock(&lock);
    n = before_write(fd, n, (uint64_t)offset);
    ssize_t wrote = n ? below_pwrite64(fd, data, n, offset) : -1;
    pthread_mutex_unlock(&lock);
    return wrote;
}
ssize_t pwrite(int fd, const void *data, size_t n, off_t offset) { return pwrite64(fd, data, n, offset); }

int ftruncate64(int fd, off64_t length) {
    find_ftruncate64();
    if (!watched(fd)) return below_ftruncate64(fd, length);
    pthread_mutex_lock(&lock);
    int file = of_fd[fd] - 1;
    struct stat64 now;
    if (fstat64(fd, &now)) abort();
    uint64_t size = (uint64_t)now.st_size, kept = (uint64_t)length < size ? size - (uint64_t)length : 0;
    note(CUT, file, (uint64_t)length, 0, size, kept ? old_bytes(fd, (uint64_t)length, kept) : NULL, kept);
    files[file].changed = position;
    int result = below_ftruncate64(fd, length);
    pthread_mutex_unlock(&lock);
    return result;
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int unlink(const char *path) {
    find_unlink();
    if (!ours(path) || access(path, F_OK)) return below_unlink(path);
    pthread_mutex_lock(&lock);
    char kept[1100];
    int number = ++links;
    snprintf(kept, sizeof kept, "%s.%d", log_path, number);
    if (link(path, kept)) abort();
    note(REMOVED, file_of(path), (uint64_t)number, 0, 0, NULL, 0);
    folder.changed = position;
    int result = below_unlink(path);
    pthread_mutex_unlock(&lock);
    return result;
}

/* -- syncing --------------------------------------------------------------------------------------------------------- */

/* Take one of a number of syncs that are to fail. */
static bool fails(void) {
    if (!control->failing_syncs) return false;
    if (control->failing_syncs > 0) control->failing_syncs--;
    return true;
}

static int sync_ours(int fd, int (*below)(int)) {
    int file = of_fd[fd] == FOLDER ? -1 : of_fd[fd] - 1;
    pthread_mutex_lock(&lock);
    uint64_t upto = position;
    if (control->dying_sync > 0 && !--control->dying_sync) kill(getpid(), SIGKILL);
    bool failed = file >= 0 && fails();
    if (failed) {
        note(LOST, file, upto, 0, 0, NULL, 0);
        files[file].synced = upto;
        lost = true;
    }
    pthread_mutex_unlock(&lock);
    if (failed) {
        errno = EIO;
        return -1;
    }
    int result = below(fd);
    if (result) return result;
    pthread_mutex_lock(&lock);
    note(file >= 0 ? SYNCED : FOLDER_SYNCED, file >= 0 ? file : 0, upto, 0, 0, NULL, 0);
    *(file >= 0 ? &files[file].synced : &folder.synced) = upto;
    forget_what_is_synced();
    pthread_mutex_unlock(&lock);
    return 0;
}

int fsync(int fd) {
    find_fsync();
    return fd >= 0 && fd < FDS && of_fd[fd] ? sync_ours(fd, below_fsync) : below_fsync(fd);
}
int fdatasync(int fd) {
    find_fdatasync();
    return fd >= 0 && fd < FDS && of_fd[fd] ? sync_ours(fd, below_fdatasync) : below_fdatasync(fd);
}

/* -- the clock ------------------------------------------------------------------------------------------------------- */

int clock_gettime(clockid_t clock, struct timespec *now) {
    find_clock_gettime();
    int result = below_clock_gettime(clock, now);
    if (!result && control && control->clock_ns && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t ns = now->tv_sec * INT64_C(1000000000) + now->tv_nsec + control->clock_ns;
        now->tv_sec = ns / 1000000000, now->tv_nsec = ns % 1000000000;
    }
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    (void)zone;
    struct timespec ns;
    clock_gettime(CLOCK_REALTIME, &ns);
    now->tv_sec = ns.tv_sec, now->tv_usec = ns.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now) {
    struct timespec ns;
    clock_gettime(CLOCK_REALTIME, &ns);
    if (now) *now = ns.tv_sec;
    return ns.tv_sec;
}
