//! Runs every rule.

use std::future::Future;
use std::sync::Arc;

use super::{checks, ends, exec, files};
use crate::port::Channel;

macro_rules! each {
    ($open:ident, $($module:ident :: { $($rule:ident),* $(,)? })*) => {
        $($(within(stringify!($rule), $module::$rule(&*$open().await)).await;)*)*
    };
}

/// Runs every rule, each on a channel that `open` makes anew; ends the test at the first that does not hold.
pub async fn run_all<F, Fut>(open: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn Channel>>,
{
    run_exec(&open).await;
    let witness = open().await;
    within("a_dropped_channel_ends_what_runs", ends::a_dropped_channel_ends_what_runs(open().await, &*witness)).await;
    each! { open,
        ends::{
            the_time_limit_ends_the_whole_tree, a_dropped_stream_ends_the_whole_tree,
            background_programs_outlive_their_starter,
        }
        checks::{ silent_ports_are_told }
        files::{
            files_come_back_as_written, folders_are_made_on_the_way, missing_files_are_told,
            paths_that_leave_are_refused, links_that_leave_are_refused, links_that_stay_are_followed,
            large_files_come_back, too_large_files_are_refused, writing_is_atomic, modes_are_kept,
            folders_are_listed_in_order_and_depth, deleting_is_deep_and_follows_no_link,
            odd_files_are_refused, files_and_programs_share_the_channel,
        }
    }
}

/// Runs the rules of `exec` that hold without the worker too.
pub async fn run_exec<F, Fut>(open: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn Channel>>,
{
    each! { open,
        exec::{
            programs_tell_their_code, output_is_split, output_comes_while_the_program_runs,
            input_is_written_and_closed, large_input_and_output_flow_both_ways, unread_input_does_no_harm,
            the_working_directory_is_kept, the_environment_is_added, missing_programs_are_told,
            programs_end_at_the_time_limit, output_is_cut_at_the_limit, many_programs_run_at_once,
            a_slow_reader_holds_up_nobody,
        }
    }
}

/// A rule that hangs does not hold.
async fn within(rule: &str, checked: impl Future<Output = ()>) {
    let limit = std::time::Duration::from_mins(2);
    assert!(tokio::time::timeout(limit, checked).await.is_ok(), "{rule}: ends within two minutes");
}
