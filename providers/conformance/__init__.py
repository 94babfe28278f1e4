"""
One suite that every provider passes, as a pytest plug-in installed with the product.

From the command line, in any environment that has sitesync, pytest and the provider:

    pytest --pyargs providers.conformance --provider=NAME --provider-settings site.toml

In tests of its own a provider's module names a fixture `provider` that yields an entered
provider whose storage is its own and empty, with two roots, `work` and `bare`, that exist and
have no marker yet; then it subclasses what applies, from `providers.conformance.suite`:

    class TestMine(ProviderConformance): ...

A fixture `other` yields another entered provider of the same storage, as another process has
it. `FolderConformance` adds what only shows in the real storage; it needs a fixture `storage`:
the folder behind root `work`, on this machine, with nothing beside it but the folder `bare`.
`ServerConformance` needs fixtures `unreachable` and `refused`: providers, not entered, whose
server is not there or does not let them in. `LargeConformance` moves 5 GiB, with `--large` only.

`CopyConformance` is for providers with `features.copies`, and needs a fixture `neighbour`;
`ChangeConformance` is for those with `features.changes`.
"""
