"""The leaderboard site: static pages from boards. ``view`` reads boards, ``build`` writes pages from ``templates``."""
