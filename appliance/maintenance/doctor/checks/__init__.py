"""The checks of the doctor, one module each."""
