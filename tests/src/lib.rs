//! Integration tests on the real parts; see `tests/`.
