"""The people of the pictures, out of the demo's data bank."""

# Their places in the synthetic data bank (demo/synthetic.py): the same in every force.
COMMISSIONER, DCP, ACP, SHO, INSPECTOR_GENERAL, DEPUTY = 1, 2, 3, 4, 5, 6
PATROL = 8
