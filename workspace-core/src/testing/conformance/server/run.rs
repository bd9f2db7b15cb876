//! Runs every rule.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::subject::Subject;
use super::{channels, containers, labels, logs, networks, pool as pools};
use crate::model::ServerRecord;
use crate::port::{Server, ServerPool};

macro_rules! each {
    ($server:ident, $subject:ident, $($module:ident :: { $($rule:ident),* $(,)? })*) => {
        $($(within(stringify!($rule), $module::$rule(&*$server, $subject)).await;)*)*
    };
}

/// Runs every rule on the server of the record, which the pool reaches; ends the test at the first that does not
/// hold.
pub async fn run_all(pool: &dyn ServerPool, record: &ServerRecord, subject: &Subject) {
    let server = run_without_worker(pool, record, subject).await;
    each! { server, subject,
        channels::{
            channels_reach_their_container, channels_need_a_running_container, channels_break_with_their_container,
            channels_see_the_volume_at_workspace, several_channels_live_side_by_side,
        }
    }
}

/// Runs the rules that hold without the worker image too, and answers with the server.
pub async fn run_without_worker(pool: &dyn ServerPool, record: &ServerRecord, subject: &Subject) -> Arc<dyn Server> {
    within("a_pool_knows_its_servers", pools::a_pool_knows_its_servers(pool, record, subject)).await;
    within("impossible_records_are_refused", pools::impossible_records_are_refused(pool, record, subject)).await;
    let server = super::rig::works("connect", pool.connect(record, subject.fleet).await);
    within("probes_tell_what_there_is", pools::probes_tell_what_there_is(&*server)).await;
    each! { server, subject,
        containers::{
            making_is_idempotent, many_makers_make_one, starting_is_idempotent, stopping_is_idempotent,
            removing_is_idempotent, running_containers_are_removed, ended_containers_tell_their_code,
            ended_containers_start_again, stopping_asks_first, stopping_ends_what_does_not_listen,
            input_is_written_and_closed, environment_and_folder_are_kept, missing_programs_do_not_run,
            missing_containers_are_told, missing_images_are_told, containers_show_what_they_use,
        }
        labels::{
            foreign_containers_are_left_alone, another_fleets_containers_stay, lists_have_every_state_and_no_stranger,
            names_are_checked,
        }
        logs::{ logs_are_split_and_kept, tails_have_the_last_lines, followed_logs_end_with_the_container }
        networks::{ networks_are_made_once_and_removed, another_fleets_networks_stay }
    }
    server
}

/// A rule that hangs does not hold.
async fn within(rule: &str, checked: impl Future<Output = ()>) {
    assert!(tokio::time::timeout(Duration::from_mins(3), checked).await.is_ok(), "{rule}: ends within three minutes");
}
