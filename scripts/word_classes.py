"""What stands in AudioSet and in ImageNet for the classes of ESC-10, the sounds that are tested with words."""

AUDIOSET = {
    "dog_bark": (74, 75, 76, 78, 79, 80),
    "rooster": (99, 100, 101),
    "sea_waves": (294, 295),
    "clock_tick": (406, 407, 408),
    "chainsaw": (347,),
    "helicopter": (339,),
    "baby_cry": (23,),
    "person_sneeze": (49,),
    "rain": (289, 290, 291),
    "fire_crackling": (298, 299),
}
"""What stands in AudioSet for the classes of ESC-10."""
PHOTOGRAPHS = {
    "dog_bark": tuple(range(151, 269)),
    "rooster": (7, 8),
    "sea_waves": (460, 976, 977, 978),
    "clock_tick": (409, 530, 892),
    "chainsaw": (491,),
}
ASSOCIATED = {
    "helicopter": (404, 812, 908),
    "baby_cry": (452, 516, 520, 680, 850),
    "person_sneeze": (648, 700, 840),
    "rain": (562, 756),
    "fire_crackling": (470, 556, 626, 644, 862, 980),
}
"""What goes with the other classes, of which the photographs show none: aircraft, cradles, paper towels, a rain barrel
and a fountain, what burns."""
