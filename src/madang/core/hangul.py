"""The initial consonants of Hangul syllables, in the order of Unicode. What searches and names make of them is theirs."""

from typing import Final

INITIALS: Final = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
INITIAL_OF: Final = {code: INITIALS[(code - 0xAC00) // 588] for code in range(0xAC00, 0xD7A4)}
"""Of each syllable, for `str.translate`."""
