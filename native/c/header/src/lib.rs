//! Nothing but the test that compares `include/tasker.h` with the sources.
