"""
Why a file is, or is not, at a site: the whole story, from what is known to what to do. Pure.

`telling` puts together what the other modules find: in documents (`entries`), in settings and
among reactors (`routes`), in claims (`working`), and at the site itself (`sights`).
"""
