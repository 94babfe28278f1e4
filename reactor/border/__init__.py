"""
The border to providers: whatever one does, it stays the trouble of its own site.

Every provider is used through `contained.Contained`. Each call is bounded in time, each error
becomes one that callers know, each answer is checked for its form, and no secret gets out.
Providers of other packages run in a thread of their own besides (`apart`).
"""
