//! STUB: owned by helper A
