"""The notebooks that students hand in, as plain modules (part of step 1); nothing of them is run here.

Read `submitted.py` first, which asks a process with bounds. What runs there: `modules.py`, made of `cells.py` (a file's
cells, without the magics that `magics.py` takes out), `statements.py` (what a statement defines and needs) with
`changes.py` (what it changes), and `definition_index.py` (which of them give a name its meaning). `beside.py` compares
notebooks with modules beside them, `guards.py` leaves out what fails. `notes.py` tells the student what was taken,
`absent.py` why a name is not there, `places.py` messages which cell a line is from.
"""
