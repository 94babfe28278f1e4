"""
Files in folders of this machine: looked at, staged and published by system calls alone.

Nothing here knows of tasks, settings or logs, and nothing here imports what does: a process that
copies small files is made of this, and has to start in a moment.
"""
