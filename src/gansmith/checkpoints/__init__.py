"""Checkpoints: tensors by name, written atomically and verified before use. Nothing in this package knows a GAN.

checkpoints/00000500/         one checkpoint: the state after step 500
    G.safetensors  D.  G_ema.  optimizer_g.  optimizer_d.  augment.safetensors
    state.json                clock, best evaluation, hash of the recipe, versions
    manifest.json             size and SHA-256 of every other file, written last
    COMMITTED                 only where the file system cannot rename a folder, see `gansmith.system.atomic`
checkpoints/latest  best      text files that name the newest checkpoint, and the one with the best evaluation

A checkpoint passes through these states; an arrow is one rename, so a kill leaves one state or the next:

    .unfinished-<random>-00000500     files are being written
        |  publish (save.py)
    00000500                          whole: `find_checkpoint` offers it
        |                 |                    |
        | saved again     | a file is damaged  | `apply_keep_policy`: the policy keeps it no longer
    .replaced-00000500  .bad-00000500-1   .unfinished-<random>-00000500, then removed

`tidy` (load.py) finishes or undoes what a kill cut short: it removes .unfinished-* folders, and a .replaced-*
folder once the new checkpoint of its step is whole; otherwise the replaced one gets its name back.
"""
