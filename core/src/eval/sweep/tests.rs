//! Laws and worked examples of the sweep.
