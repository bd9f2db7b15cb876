//! Snapshots of projects in object storage; the backend is not written yet.
