"""
One suite that every provider passes, as a pytest plug-in installed with the product.

A test module names a fixture `provider` that yields an entered provider whose storage is
its own and empty, with two roots, `work` and `bare`, that exist and have no marker yet;
then it subclasses what applies, from `providers.conformance.suite`:

    class TestMine(ProviderConformance): ...

`FolderConformance` adds what only shows in the real storage; it needs a second fixture
`storage`: the folder behind root `work`, on this machine, with nothing beside it but the
folder `bare`.

`CopyConformance` is for providers with `features.copies`, and needs a fixture `neighbour`;
`ChangeConformance` is for those with `features.changes`.
"""
