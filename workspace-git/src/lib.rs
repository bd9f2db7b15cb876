//! Fills projects from git and pushes them; the backend is not written yet.
