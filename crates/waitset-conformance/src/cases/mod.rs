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
mod lending;
mod meanwhile;
mod modify;
mod odd;
mod oneshot;
mod overwritten;
mod readiness;
mod signals;
mod timeouts;
mod waking;

/// Expands to a `#[test]` per case, on reactors that the argument creates: an expression of the type
/// `std::io::Result<impl Reactor + Send + 'static>`.
///
/// To use it twice in a file, put each in a module of its own. The [crate documentation](crate) has
/// an example.
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
    ($($module:ident { $($case:ident($($rule:literal),+))* })*) => {
        $(mod $module {
            $(#[test]
            fn $case() {
                const NAME: &str = concat!(module_path!(), "::", stringify!($case));
                $crate::run(NAME, &[$($rule),+], $crate::case::$module::$case, super::make);
            })*
        })*
    };
}

/// The list: each case with the rules of the contract that it tests, the main one first. A case
/// that is missing here is dead code to the compiler.
#[doc(hidden)]
#[macro_export]
macro_rules! __each_case {
    ($($callback:tt)*) => {
        $($callback)*! {
            readiness {
                data_reads_as_readable(1)
                room_reads_as_writable(1)
                a_pending_connection_reads_as_readable(1)
                every_connection_of_a_backlog_is_reported(1)
                level_readiness_is_reported_for_as_long_as_it_lasts(15)
                a_source_that_became_ready_is_found_by_the_first_look(15, 5)
                a_level_source_is_reported_once_in_a_wait(15)
                only_what_was_asked_for_is_reported(1)
                both_directions_come_in_one_event(1)
                urgent_data_is_a_priority_and_not_readable(1)
                urgent_data_is_silent_for_those_who_ask_to_read(1)
                urgent_data_is_told_to_those_who_ask_for_nothing_else(1)
                data_is_told_to_those_who_asked_for_urgent_data_only(1)
                data_that_comes_is_not_told_as_urgent(1)
                a_token_comes_back_as_it_was_given(1)
                two_sources_may_share_a_token(14)
                no_event_is_empty(1)
                hints_are_given_for_a_cause_only(2)
            }
            hangup {
                the_end_of_a_drained_pipe_reads_as_readable(2)
                a_full_pipe_without_a_reader_reads_as_writable(2)
                a_hangup_shows_in_every_direction_that_the_capabilities_name(2)
                an_error_shows_in_every_direction_that_the_capabilities_name(2)
                a_reset_reads_as_readiness_in_both_directions(2)
                a_half_close_leaves_its_tail_to_be_read(2)
                a_half_close_reads_as_readable_and_hints_at_it(2)
                a_half_close_is_silent_for_those_who_ask_to_write(2)
                a_terminal_that_hung_up_keeps_its_tail(2)
                a_socket_that_was_never_connected_reads_as_ready(2)
                a_refused_connection_reads_as_writable(2)
                a_refused_datagram_is_told_until_its_error_is_taken(2)
                a_hangup_after_deregister_is_silent(8)
            }
            timeouts {
                a_wait_never_ends_before_its_timeout(3)
                a_wait_that_sleeps_makes_few_system_calls(19)
                a_timeout_of_zero_only_looks(3)
                a_wait_for_nothing_lasts_for_its_timeout(3)
                a_wait_without_timeout_lasts_until_there_is_an_event(3)
                an_event_ends_a_wait_before_its_timeout(3)
                a_timeout_beyond_what_the_system_can_hold_means_for_ever(3)
                a_reactor_can_be_sent_to_another_thread(18)
                a_reactor_whose_thread_has_ended_serves_on_in_another(18)
            }
            waking {
                a_wake_before_the_wait_is_kept(17)
                a_wake_ends_a_wait_that_is_under_way(3, 17)
                a_wake_is_told_once(17)
                many_wakes_coalesce_into_one(17)
                a_wake_does_not_hide_events(3, 17)
                events_that_fill_the_buffer_do_not_hide_a_wake(3, 17)
                a_waker_is_a_task_waker(17)
                of_a_hundred_thousand_wakes_none_is_lost(17)
                wakes_from_many_threads_all_arrive(17)
                a_waker_that_outlives_its_reactor_writes_to_no_other_descriptor(17)
                a_waker_wakes_no_other_reactor(17)
            }
            signals {
                an_interrupted_wait_ends_early_and_says_so(3)
                a_stop_ends_a_wait_only_where_the_capabilities_say_so(3)
                a_storm_of_signals_hides_neither_events_nor_wakes(3)
            }
            fairness {
                a_thousand_ready_sources_take_turns_in_a_buffer_of_seven(4)
                a_thousand_oneshots_are_told_once_each_in_a_buffer_of_seven(4, 5)
                a_buffer_of_one_serves_all_in_turn(4)
                oneshots_that_do_not_fit_stay_armed(4, 5)
                a_source_that_is_always_ready_does_not_starve_the_others(4)
                those_who_come_and_go_do_not_starve_the_others(4)
                files_and_sockets_share_a_small_buffer(4, 9)
                readiness_that_goes_before_its_turn_is_told_once_at_most(1, 4)
            }
            oneshot {
                oneshot_reports_once(5)
                oneshot_stays_silent_after_hangup(5, 2)
                oneshot_stays_silent_after_an_error(5)
                oneshot_rearmed_reports_what_is_still_ready(5)
                oneshot_rearmed_after_hangup_reports_it(5)
                oneshot_data_that_came_while_disarmed_is_told_when_rearmed(5)
                oneshot_disarmed_and_unread_does_not_spin(5, 19)
                oneshot_disarmed_that_fires_does_not_put_the_timeout_off(5)
                oneshot_of_one_direction_can_be_rearmed_for_the_other(5)
                oneshot_rearmed_for_less_is_silent_about_the_rest(5)
                oneshot_rearmed_before_it_fired_reports_once(5)
                oneshot_and_level_turn_into_each_other(5, 13)
                oneshot_deregistered_while_disarmed_starts_anew(5)
            }
            edge {
                edge_is_refused_where_there_is_none(6, 16)
                edge_reports_each_arrival_once(6)
                edge_reports_what_was_ready_before_it_was_registered(6)
                edge_is_silent_after_a_partial_read_until_modify(6)
                edge_modify_reports_again_though_nothing_changed(6)
                edge_modify_does_not_report_what_is_not_ready(6)
                edge_modified_with_an_event_pending_makes_no_wait_more_expensive(6, 19)
                edge_reports_room_that_comes_back(6)
                edge_reports_a_hangup_and_does_not_spin(6, 2)
                edge_that_did_not_fit_is_not_lost(4, 6)
                edge_and_the_other_modes_turn_into_each_other(6, 13)
                edge_is_silent_about_what_came_and_went(6)
            }
            modify {
                modify_changes_the_token(13)
                modify_changes_the_interest(13)
                an_interest_taken_off_is_silent_and_does_not_spin(13, 19)
                of_many_changes_between_two_waits_the_last_one_holds(13)
                a_change_dies_with_its_registration(8, 13)
                every_mode_turns_into_every_other(13)
                modify_leaves_the_others_alone(13)
            }
            identity {
                a_second_registration_is_refused_and_changes_nothing(7, 16)
                an_unknown_descriptor_is_not_found(16)
                no_event_comes_after_deregister(8)
                a_source_can_be_registered_again(8)
                deregister_leaves_the_others_alone(8)
                a_duplicate_that_lives_on_is_silent_after_deregister(8, 14)
                duplicates_are_sources_of_their_own(14)
                a_number_given_to_a_new_file_is_a_new_source(8)
                a_source_closed_after_deregister_is_closed_for_its_peer(8)
                a_source_closed_with_a_wakeup_pending_is_closed_for_its_peer(8)
                a_source_closed_after_many_changes_is_closed_for_its_peer(8)
                of_many_sources_each_is_closed_for_its_peer_as_soon_as_it_is_deregistered(8)
                a_source_deregistered_in_another_thread_is_closed_for_its_peer(8, 18)
                a_source_closed_after_its_reactor_is_closed_for_its_peer(8)
                sources_closed_after_a_reactor_with_wakeups_pending_are_closed_for_their_peers(8)
                two_reactors_watch_one_source(14)
                a_refused_change_leaves_the_registration_as_it_was(7)
            }
            files {
                files_are_always_ready(9)
                a_file_ends_a_wait_without_timeout(9)
                files_asked_for_priority_are_silent(9)
                a_oneshot_file_is_told_once_for_each_arming(9)
                an_edge_triggered_file_is_told_once_for_registration_and_modify(9)
                a_file_that_a_set_would_take_is_always_ready_too(9)
                files_change_their_mode(9, 13)
                files_are_registered_and_refused_as_all_sources_are(9, 16)
                a_ready_file_does_not_hide_the_other_sources(9)
                a_ready_file_does_not_hide_a_wake(3, 9)
                a_disarmed_file_does_not_hide_the_other_sources(9)
            }
            bad_input {
                a_buffer_without_room_is_refused(7, 16)
                a_token_above_the_largest_is_refused(7, 16)
                refusals_name_the_descriptor(16)
                a_forged_descriptor_is_refused(16)
                a_descriptor_with_a_high_number_works_or_is_refused(16)
                more_sources_than_the_process_may_have_are_served_or_refused(7, 16)
                the_longest_timeout_is_taken(3, 16)
                a_huge_buffer_is_taken(16)
            }
            dead {
                a_dead_source_is_reported_at_most_once(10)
                a_dead_source_does_not_harm_the_others(10)
                a_disarmed_source_that_dies_stays_silent(10)
                dead_sources_take_turns_in_a_small_buffer(10)
                a_dead_number_can_be_registered_anew(10)
                a_dead_source_can_still_be_deregistered(10)
                a_change_of_a_dead_source_harms_nobody(10)
                a_number_reused_while_registered_can_be_registered_anew(10)
                a_dead_file_does_not_spin(10)
                a_dead_file_gives_its_number_to_another(10)
                a_descriptor_that_is_not_open_is_refused_or_reported_once(16)
            }
            odd {
                every_kind_of_descriptor_reads_as_poll_has_it_or_is_refused(1, 2, 9)
            }
            overwritten {
                an_overwritten_source_is_silent_after_deregister(10)
                an_overwritten_source_that_nobody_deregisters_falls_silent(10)
                a_source_overwritten_by_what_nothing_can_wait_for_falls_silent(10)
                a_closed_source_with_a_duplicate_falls_silent(10)
                an_overwritten_number_can_be_registered_again(10)
                an_overwritten_number_is_its_new_file_s_after_modify(10)
                a_source_overwritten_by_an_always_ready_file_is_silent_after_deregister(10)
                an_always_ready_file_that_is_overwritten_gives_way_to_the_new_file(10)
                an_overwritten_source_that_is_disarmed_stays_silent(10)
                a_closed_source_with_a_duplicate_is_silent_after_deregister(10)
                many_overwritten_sources_are_silent_after_deregister(10)
                an_overwritten_source_does_not_harm_the_others(10)
            }
            descriptors {
                every_descriptor_is_closed_on_exec(11)
                nothing_stays_open_after_reactor_and_wakers(11, 17)
                what_was_opened_serves_on_after_the_process_gave_up_its_rights(18)
                a_reactor_dropped_in_a_forked_child_serves_on_in_the_parent(18)
                a_constructor_that_fails_leaks_nothing(11)
                a_call_that_lacks_descriptors_changes_nothing(7)
                a_hundred_thousand_rounds_leave_the_descriptors_as_they_were(11)
                ten_thousand_lives_leave_the_descriptors_as_they_were(11)
            }
            buffer {
                a_wait_replaces_the_events_of_the_last_one(12)
                a_wait_replaces_the_flags_of_the_last_one(12)
                a_refused_wait_leaves_no_old_events(12)
                buffers_of_several_sizes_may_take_turns(12)
            }
            lending {
                a_lent_descriptor_is_readable_as_long_as_a_wait_would_not_block(20)
                a_lent_descriptor_shows_a_wake(20, 17)
                a_lent_reactor_waits_as_before(20)
            }
            counts {
                waits_and_events_are_counted(19)
                probes_are_counted_among_the_wait_calls(19)
                strace_counts_the_same_system_calls(19)
            }
        }
    };
}

macro_rules! published {
    ($($module:ident { $($case:ident($($rule:literal),+))* })*) => {
        /// The cases as functions, if you want no macro.
        pub mod case {
            $(pub mod $module {
                pub use crate::cases::$module::{$($case),*};
            })*
        }

        /// The rules that each case tests, by their numbers in the [contract of
        /// `Reactor`](waitset_core::Reactor#the-contract).
        ///
        /// ```
        /// use waitset_conformance::RULES;
        ///
        /// let name = "oneshot::oneshot_stays_silent_after_hangup";
        /// let (_, rules) = RULES.iter().find(|(case, _)| *case == name).unwrap();
        /// assert_eq!(*rules, [5, 2], "one-shot, and hang-ups");
        /// ```
        pub const RULES: &[(&str, &[u8])] = &[$($(
            (concat!(stringify!($module), "::", stringify!($case)), &[$($rule),+]),
        )*)*];
    };
}

crate::__each_case!(published);

#[cfg(test)]
mod tests {
    use super::RULES;

    #[test]
    fn every_rule_of_the_contract_has_a_case_and_every_case_a_rule() {
        let tested = |rule| RULES.iter().any(|(_, rules)| rules.contains(&rule));
        for rule in 1..=waitset_core::RULES {
            assert!(tested(rule), "no case tests rule {rule}");
        }
        for (case, rules) in RULES {
            let stands = |rule: &u8| (1..=waitset_core::RULES).contains(rule);
            assert!(rules.iter().all(stands), "{case} names a rule that is none");
        }
    }
}
