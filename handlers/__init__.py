"""
What a change means (DESIGN §3): pure functions from what is there now to commands.

Carrying out all commands leaves nothing to do: that is how our own writes, which come
back as events, end.
"""
