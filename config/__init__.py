"""Settings: what may be written where, how layers are laid over each other, and what is wrong."""
