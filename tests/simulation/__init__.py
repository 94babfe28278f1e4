"""
Schedules of whole studios, drawn from seeds: `make simulate`.

What runs are the production classes: router, handlers, reader, queue, scheduler, workers, transfer,
staging, proof, endings, recorder, claims, registry, heart, leftovers, and an operator's removal.
What they stand on is simulated: anyio's backend (`kernel`, `groups`, `waiting`, `backend`), pymongo
and a replica set (`database`, `server`, `pipelines`, `expressions`), sites (`provider`, `disk`,
`storage`), time, dice and processes (`surroundings`). Where that could differ from the real thing,
a conformance test holds it to the real thing.

Two cuts are made, for speed. The change stream and the scans are replaced by `reactors._Source`,
which promises no more than they do: each change is told at least once, some time, the own ones
later. Providers are called without the border around them, which bounds calls by real time.

`world` decides what happens next, `trouble` what befalls it, `judge` whether it is right; a
`schedule` is all of that from one seed. `mutations` takes the protocol's rules out, one at a time.
"""
