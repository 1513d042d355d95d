//! The cases, one concept a module, and the one list of them.
#![allow(missing_docs, reason = "the name of a case is the sentence it proves")]
#![allow(
    clippy::missing_panics_doc,
    reason = "a case panics where the sentence is wrong"
)]

mod bad_input;
mod buffer;
mod counts;
mod dead;
mod descriptors;
mod edge;
mod fairness;
mod files;
mod hangup;
mod identity;
mod meanwhile;
mod modify;
mod odd;
mod oneshot;
mod overwritten;
mod readiness;
mod signals;
mod timeouts;
mod waking;

/// Expands to a `#[test]` for each point of the contract, on reactors that `make` makes:
/// an expression of the type `std::io::Result<impl Reactor + Send + 'static>`.
///
/// Twice in one file needs a module each. See the crate's documentation for an example.
#[macro_export]
macro_rules! conformance {
    ($make:expr $(,)?) => {
        fn make() -> ::std::io::Result<::std::boxed::Box<dyn $crate::Reactor + Send>> {
            Ok(::std::boxed::Box::new($make?))
        }

        $crate::__each_case!($crate::__tests);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ($($module:ident { $($case:ident)* })*) => {
        $(mod $module {
            $(#[test]
            fn $case() {
                const NAME: &str = concat!(module_path!(), "::", stringify!($case));
                $crate::run(NAME, $crate::case::$module::$case, super::make);
            })*
        })*
    };
}

/// The list. A case that is missing here is dead code to the compiler.
#[doc(hidden)]
#[macro_export]
macro_rules! __each_case {
    ($($callback:tt)*) => {
        $($callback)*! {
            readiness {
                data_reads_as_readable
                room_reads_as_writable
                a_pending_connection_reads_as_readable
                every_connection_of_a_backlog_is_reported
                level_readiness_is_reported_for_as_long_as_it_lasts
                a_source_that_became_ready_is_found_by_the_first_look
                a_level_source_is_reported_once_in_a_wait
                only_what_was_asked_for_is_reported
                both_directions_come_in_one_event
                urgent_data_is_a_priority_and_not_readable
                urgent_data_is_silent_for_those_who_ask_to_read
                urgent_data_is_told_to_those_who_ask_for_nothing_else
                data_is_told_to_those_who_asked_for_urgent_data_only
                data_that_comes_is_not_told_as_urgent
                a_token_comes_back_as_it_was_given
                two_sources_may_share_a_token
                no_event_is_empty
                hints_are_given_for_a_cause_only
            }
            hangup {
                the_end_of_a_drained_pipe_reads_as_readable
                a_full_pipe_without_a_reader_reads_as_writable
                a_hangup_shows_in_every_direction_that_the_capabilities_name
                an_error_shows_in_every_direction_that_the_capabilities_name
                a_reset_reads_as_readiness_in_both_directions
                a_half_close_leaves_its_tail_to_be_read
                a_half_close_reads_as_readable_and_hints_at_it
                a_half_close_is_silent_for_those_who_ask_to_write
                a_terminal_that_hung_up_keeps_its_tail
                a_socket_that_was_never_connected_reads_as_ready
                a_refused_connection_reads_as_writable
                a_refused_datagram_is_told_until_its_error_is_taken
                a_hangup_after_deregister_is_silent
            }
            timeouts {
                a_wait_never_ends_before_its_timeout
                a_wait_that_sleeps_makes_few_system_calls
                a_timeout_of_zero_only_looks
                a_wait_for_nothing_lasts_for_its_timeout
                a_wait_without_timeout_lasts_until_there_is_an_event
                an_event_ends_a_wait_before_its_timeout
                a_timeout_beyond_what_the_system_can_hold_means_for_ever
                a_reactor_can_be_sent_to_another_thread
                a_reactor_whose_thread_has_ended_serves_on_in_another
            }
            waking {
                a_wake_before_the_wait_is_kept
                a_wake_ends_a_wait_that_is_under_way
                a_wake_is_told_once
                many_wakes_coalesce_into_one
                a_wake_does_not_hide_events
                events_that_fill_the_buffer_do_not_hide_a_wake
                a_waker_is_a_task_waker
                of_a_hundred_thousand_wakes_none_is_lost
                wakes_from_many_threads_all_arrive
                a_waker_that_outlives_its_reactor_writes_to_no_other_descriptor
                a_waker_wakes_no_other_reactor
            }
            signals {
                an_interrupted_wait_ends_early_and_says_so
                a_stop_ends_a_wait_only_where_the_capabilities_say_so
                a_storm_of_signals_hides_neither_events_nor_wakes
            }
            fairness {
                a_thousand_ready_sources_take_turns_in_a_buffer_of_seven
                a_thousand_oneshots_are_told_once_each_in_a_buffer_of_seven
                a_buffer_of_one_serves_all_in_turn
                oneshots_that_do_not_fit_stay_armed
                a_source_that_is_always_ready_does_not_starve_the_others
                those_who_come_and_go_do_not_starve_the_others
                files_and_sockets_share_a_small_buffer
                readiness_that_goes_before_its_turn_is_told_once_at_most
            }
            oneshot {
                oneshot_reports_once
                oneshot_stays_silent_after_hangup
                oneshot_stays_silent_after_an_error
                oneshot_rearmed_reports_what_is_still_ready
                oneshot_rearmed_after_hangup_reports_it
                oneshot_data_that_came_while_disarmed_is_told_when_rearmed
                oneshot_disarmed_and_unread_does_not_spin
                oneshot_disarmed_that_fires_does_not_put_the_timeout_off
                oneshot_of_one_direction_can_be_rearmed_for_the_other
                oneshot_rearmed_for_less_is_silent_about_the_rest
                oneshot_rearmed_before_it_fired_reports_once
                oneshot_and_level_turn_into_each_other
                oneshot_deregistered_while_disarmed_starts_anew
            }
            edge {
                edge_is_refused_where_there_is_none
                edge_reports_each_arrival_once
                edge_reports_what_was_ready_before_it_was_registered
                edge_is_silent_after_a_partial_read_until_modify
                edge_modify_reports_again_though_nothing_changed
                edge_modify_does_not_report_what_is_not_ready
                edge_modified_with_an_event_pending_makes_no_wait_more_expensive
                edge_reports_room_that_comes_back
                edge_reports_a_hangup_and_does_not_spin
                edge_that_did_not_fit_is_not_lost
                edge_and_the_other_modes_turn_into_each_other
                edge_is_silent_about_what_came_and_went
            }
            modify {
                modify_changes_the_token
                modify_changes_the_interest
                an_interest_taken_off_is_silent_and_does_not_spin
                of_many_changes_between_two_waits_the_last_one_holds
                a_change_dies_with_its_registration
                every_mode_turns_into_every_other
                modify_leaves_the_others_alone
            }
            identity {
                a_second_registration_is_refused_and_changes_nothing
                an_unknown_descriptor_is_not_found
                no_event_comes_after_deregister
                a_source_can_be_registered_again
                deregister_leaves_the_others_alone
                a_duplicate_that_lives_on_is_silent_after_deregister
                duplicates_are_sources_of_their_own
                a_number_given_to_a_new_file_is_a_new_source
                a_source_closed_after_deregister_is_closed_for_its_peer
                a_source_closed_with_a_wakeup_pending_is_closed_for_its_peer
                a_source_closed_after_many_changes_is_closed_for_its_peer
                of_many_sources_each_is_closed_for_its_peer_as_soon_as_it_is_deregistered
                a_source_deregistered_in_another_thread_is_closed_for_its_peer
                a_source_closed_after_its_reactor_is_closed_for_its_peer
                sources_closed_after_a_reactor_with_wakeups_pending_are_closed_for_their_peers
                two_reactors_watch_one_source
                a_refused_change_leaves_the_registration_as_it_was
            }
            files {
                files_are_always_ready
                a_file_ends_a_wait_without_timeout
                files_asked_for_priority_are_silent
                a_oneshot_file_is_told_once_for_each_arming
                an_edge_triggered_file_is_told_once_for_registration_and_modify
                a_file_that_a_set_would_take_is_always_ready_too
                files_change_their_mode
                files_are_registered_and_refused_as_all_sources_are
                a_ready_file_does_not_hide_the_other_sources
                a_ready_file_does_not_hide_a_wake
                a_disarmed_file_does_not_hide_the_other_sources
            }
            bad_input {
                a_buffer_without_room_is_refused
                a_token_above_the_largest_is_refused
                refusals_name_the_descriptor
                a_forged_descriptor_is_refused
                a_descriptor_with_a_high_number_works_or_is_refused
                more_sources_than_the_process_may_have_are_served_or_refused
                the_longest_timeout_is_taken
                a_huge_buffer_is_taken
            }
            dead {
                a_dead_source_is_reported_at_most_once
                a_dead_source_does_not_harm_the_others
                a_disarmed_source_that_dies_stays_silent
                dead_sources_take_turns_in_a_small_buffer
                a_dead_number_can_be_registered_anew
                a_dead_source_can_still_be_deregistered
                a_change_of_a_dead_source_harms_nobody
                a_number_reused_while_registered_can_be_registered_anew
                a_dead_file_does_not_spin
                a_dead_file_gives_its_number_to_another
                a_descriptor_that_is_not_open_is_refused_or_reported_once
            }
            odd {
                every_kind_of_descriptor_reads_as_poll_has_it_or_is_refused
            }
            overwritten {
                an_overwritten_source_is_silent_after_deregister
                an_overwritten_source_that_nobody_deregisters_falls_silent
                a_source_overwritten_by_what_nothing_can_wait_for_falls_silent
                a_closed_source_with_a_duplicate_falls_silent
                an_overwritten_number_can_be_registered_again
                an_overwritten_number_is_its_new_file_s_after_modify
                a_source_overwritten_by_an_always_ready_file_is_silent_after_deregister
                an_always_ready_file_that_is_overwritten_gives_way_to_the_new_file
                an_overwritten_source_that_is_disarmed_stays_silent
                a_closed_source_with_a_duplicate_is_silent_after_deregister
                many_overwritten_sources_are_silent_after_deregister
                an_overwritten_source_does_not_harm_the_others
            }
            descriptors {
                every_descriptor_is_closed_on_exec
                nothing_stays_open_after_reactor_and_wakers
                what_was_opened_serves_on_after_the_process_gave_up_its_rights
                a_reactor_dropped_in_a_forked_child_serves_on_in_the_parent
                a_constructor_that_fails_leaks_nothing
                a_call_that_lacks_descriptors_changes_nothing
                a_hundred_thousand_rounds_leave_the_descriptors_as_they_were
                ten_thousand_lives_leave_the_descriptors_as_they_were
            }
            buffer {
                a_wait_replaces_the_events_of_the_last_one
                a_wait_replaces_the_flags_of_the_last_one
                a_refused_wait_leaves_no_old_events
                buffers_of_several_sizes_may_take_turns
            }
            counts {
                waits_and_events_are_counted
                probes_are_counted_among_the_wait_calls
                strace_counts_the_same_system_calls
            }
        }
    };
}

macro_rules! published {
    ($($module:ident { $($case:ident)* })*) => {
        /// The cases as functions, for those who want no macro.
        pub mod case {
            $(pub mod $module {
                pub use crate::cases::$module::{$($case),*};
            })*
        }
    };
}

crate::__each_case!(published);
