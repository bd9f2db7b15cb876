//! Runs every rule.

use std::future::Future;
use std::sync::Arc;

use super::{
    atomicity, audit, data, driving, events, jobs, leases, lists, networks, projects, pruning, remembering,
    reservations, servers, tokens, usage, workspaces,
};
use crate::port::StateStore;

macro_rules! each {
    ($make:ident, $($module:ident :: { $($rule:ident),* $(,)? })*) => {
        $($($module::$rule(&*$make().await).await;)*)*
    };
}

/// Runs every rule but the long [`networks::network_numbers_end`], each on a store that `make_store` makes anew; ends
/// the test at the first that does not hold.
pub async fn run_all<F, Fut>(make_store: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn StateStore>>,
{
    each! { make_store,
        servers::{
            server_names_are_unique, server_edits_are_guarded_by_revision, observations_leave_the_record_alone,
            servers_in_use_stay, secrets_of_servers_come_back,
        }
        projects::{
            project_names_are_unique_per_owner, project_edits_are_guarded_by_revision, projects_in_use_stay,
            secrets_of_projects_come_back,
        }
        workspaces::{
            workspaces_come_back_as_written, names_are_unique_per_owner_until_deletion, names_are_guarded_in_decisions,
            a_project_has_one_workspace, decisions_are_guarded_by_revision, decisions_clear_the_error_with_the_status,
            tombstones_stay_tombstones,
        }
        driving::{
            only_the_driver_observes, stale_observations_are_refused, adoption_waits_for_the_end_of_the_lease,
            adoption_from_an_own_earlier_life, decisions_take_over_what_rests, unsettled_work_finds_its_master,
        }
    }
    each! { make_store,
        leases::{
            epochs_grow_and_fence, expiry_is_by_the_stores_clock, released_leases_end_at_once,
            leases_name_the_live_masters,
        }
        reservations::{
            claims_stop_at_the_limit, overcommit_is_per_dimension, claims_are_idempotent, releases_are_idempotent,
            closed_servers_take_forced_claims_only, absurd_amounts_are_refused, lowered_limits_take_no_more,
            what_is_for_data_jobs_is_no_room,
        }
        networks::{ network_numbers_are_unique_and_reused, network_numbers_begin_where_asked, network_numbers_follow_their_server }
        jobs::{
            jobs_come_back_as_written, one_writing_job_per_project, one_job_per_session, job_updates_are_guarded,
            jobs_are_adopted_after_the_lease, jobs_are_listed,
        }
        data::{ sessions_are_listed, snapshots_are_kept }
        events::{ events_of_a_parent_are_numbered_without_holes, events_are_read_after_a_number }
        remembering::{ keys_are_remembered_once }
        pruning::{ old_events_go_but_the_last, old_answers_are_forgotten, old_reservations_go }
        audit::{ entries_come_back_in_order, entries_go_with_their_change, old_entries_go }
        tokens::{ tokens_are_found_by_hash_and_revoked_once }
        usage::{
            intervals_follow_the_row, intervals_never_overlap, refusals_leave_intervals_alone,
            rows_that_begin_running_are_counted, intervals_are_found,
        }
        lists::{ lists_are_paged_in_order, filters_combine, tombstones_are_not_listed }
        atomicity::{ later_writes_see_earlier_ones, refusals_undo_every_kind_of_write, the_fleet_has_one_id }
    }
    run_contended(async || vec![make_store().await]).await;
}

/// Runs the rules of concurrency on the stores of several masters on one state, made anew for each rule; `run_all`
/// runs them with one store.
pub async fn run_contended<Fut>(make_stores: impl Fn() -> Fut)
where
    Fut: Future<Output = Vec<Arc<dyn StateStore>>>,
{
    reservations::concurrent_claims_never_exceed_the_room(&make_stores().await).await;
    reservations::history_is_never_over_the_limit(&make_stores().await).await;
    reservations::concurrent_claims_of_one_holder_are_one(&make_stores().await).await;
    networks::concurrent_allotments_are_distinct(&make_stores().await).await;
    events::concurrent_events_have_no_holes(&make_stores().await).await;
    remembering::concurrent_requests_are_remembered_once(&make_stores().await).await;
    workspaces::concurrent_names_are_taken_once(&make_stores().await).await;
    leases::concurrent_lives_get_distinct_epochs(&make_stores().await).await;
    atomicity::crossing_changes_all_end(&make_stores().await).await;
}
