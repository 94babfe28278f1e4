"""Where word of changes comes from. Every source enters by the router's one door."""
