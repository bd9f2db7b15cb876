//! The routes, one file per resource.

mod all;
mod data;
mod documentation;
mod events;
mod exec;
mod files;
mod fleet;
mod health;
mod history;
mod logs;
mod mounted;
mod projects;
mod server_actions;
mod servers;
mod sessions;
mod tokens;
mod usage;
mod workspace_actions;
mod workspace_views;
mod workspaces;

pub(crate) use all::all;
pub(crate) use documentation::documentation;
