//! The routes, one file per resource.

mod all;
mod documentation;
mod events;
mod exec;
mod files;
mod fleet;
mod health;
mod logs;
mod server_actions;
mod servers;
mod tokens;
mod workspace_actions;
mod workspace_views;
mod workspaces;

pub(crate) use all::all;
pub(crate) use documentation::documentation;
