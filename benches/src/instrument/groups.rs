//! What each group asks.

/// What a group asks, for readers of the page.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The question.
    pub question: &'static str,
    /// What a unit is.
    pub unit: &'static str,
    /// Who asked it before, and what is different now.
    pub source: Option<&'static str>,
    /// What to see in the figure, where it is not of the usual kind.
    pub caption: &'static str,
}

/// The question a group asks and what a unit is, in one line for a terminal.
#[must_use]
pub fn title(group: &str) -> &str {
    match group {
        "one_ready" => "one of N is ready (write, wait, read)",
        "active_share" => "A of N become ready at once, NxA (an event)",
        "all_ready" => "all of N are ready (a wait)",
        "sparse" => "one of 16 is ready, numbers from M on, 16@M (write, wait, read)",
        "chain" => "chain: A tokens go round N pipes, NxA (an event)",
        "register" => "registration (one change)",
        "toggle" => "interest off and on again between two waits (both)",
        "rearm" => "chain of those that re-arm after each event, NxA (an event)",
        "wake" => "a wake: coalesced, with its wait, from another thread",
        "tax" => "chain through every layer, NxA (an event)",
        "memory" => "memory of a registered source (bytes in this process + in the kernel)",
        "round_trip" => "a byte to another thread and its answer",
        "waiting" => "nothing happens (share of a processor)",
        "timeouts" => "nothing happens until a timeout (how late it is noticed)",
        "echo" => "TCP echo, A of N clients talking, NxA (a message)",
        "accept" => "a TCP connection's whole life beside idle listeners",
        "udp" => "a datagram for one of N sockets",
        "libevent" => "libevent's own benchmark, in its order, NxA (an event)",
        "kerrisk" => "Kerrisk's table 63-9: one of N is ready (write, wait, read)",
        "gammo" => "Gammo et al. 2004: 64 clients talk, others are idle (a message)",
        "banga" => "Banga et al. 1999: an event each so often, N@PACE (an event)",
        other => other,
    }
}

const fn plain(question: &'static str, unit: &'static str) -> About {
    About {
        question,
        unit,
        source: None,
        caption: "",
    }
}

/// What a group asks.
#[must_use]
pub fn about(group: &str) -> About {
    match group {
        "one_ready" => plain(
            "What do idle descriptors cost?",
            "A unit is a byte written to one of N pipes, the wait that finds it, and its read. The pipe is \
             the next of one random cycle through all.",
        ),
        "active_share" => plain(
            "From which share of activity on does the mechanism not matter?",
            "A unit is an event. A byte is written to each of the next A of N pipes, then all are waited \
             for and read.",
        ),
        "all_ready" => plain(
            "What does telling N descriptors cost?",
            "A unit is one wait that tells all N. Nothing is read, so it is the wait alone.",
        ),
        "sparse" => plain(
            "Do high descriptor numbers cost?",
            "A unit is as in one_ready, with 16 pipes whose numbers begin at M. select pays for the highest \
             number, the others for the count.",
        ),
        "chain" => plain(
            "How does a program fare that has A of N busy?",
            "A unit is an event: a byte read from its pipe and one written to the next of a random cycle.",
        ),
        "register" => plain(
            "What does it cost to add, change and remove?",
            "A unit is one change, with what it puts off until the next wait.",
        ),
        "toggle" => plain(
            "What does asking for writability for a moment cost?",
            "A unit is an interest that goes on and off again between two waits.",
        ),
        "rearm" => plain(
            "What does one-shot cost?",
            "A unit is an event of a chain, whose source is armed again by a call. The default mechanism, \
             level-triggered, is there to compare.",
        ),
        "wake" => plain(
            "What does a wake cost?",
            "A unit is a wake: while another is pending; with the wait it ends; and from another thread, \
             which sleeps until it is asked to.",
        ),
        "tax" => plain(
            "What does each layer cost?",
            "A unit is an event of a chain. raw is a loop around epoll_wait, nix its wrapper, epoll the \
             reactor, epoll-boxed the same behind a vtable, wait-set the layer that owns its sources, \
             event-loop the one that calls back; mio, which is edge-triggered like raw-edge and \
             epoll-edge, polling, and calloop, which calls back, are rivals.",
        ),
        "memory" => About {
            caption: "Bytes that the process's allocator gave for it, exactly counted, with the growth of its \
                tables; and where /proc/slabinfo can be read, what the kernel holds.",
            ..plain(
                "What does a registered source hold in memory?",
                "A unit is a source.",
            )
        },
        "round_trip" => plain(
            "What does sleeping cost in latency?",
            "A unit is a byte to another thread and its answer, both waiting with the same mechanism.",
        ),
        "waiting" => About {
            caption: "Share of one processor. What spins takes all of it, whether something happens or not.",
            ..plain(
                "What does waiting for nothing cost?",
                "16 pipes stay empty, and waits time out one after another. The figure is the processor \
                 time a second of it takes, user and kernel.",
            )
        },
        "timeouts" => plain(
            "How late is a timeout noticed?",
            "A unit is a wait on 16 pipes that stay empty.",
        ),
        "echo" => plain(
            "Does it matter under a real network stack?",
            "A unit is a 64-byte message echoed over loopback TCP, both ends on one thread, with A of N \
             clients talking at a time.",
        ),
        "accept" => plain(
            "What does a connection's life cost?",
            "A unit is a connection made, accepted, watched, a message echoed on it, watched no more and \
             closed, beside idle listeners.",
        ),
        "udp" => plain(
            "And datagrams?",
            "A unit is a datagram sent to one of N sockets, the wait that finds it, and its reading.",
        ),
        "libevent" => About {
            source: Some(
                "libevent, test/bench.c: N socket pairs, A bytes that go round in the order of opening, waits \
                 that do not sleep, the loop alone timed. libev's version times registration as well \
                 (+register); +block lets the waits sleep. The order lets poll find the next ready \
                 descriptor early in its array: compare it with the chain.",
            ),
            ..plain(
                "What does libevent's own benchmark say?",
                "A unit is an event.",
            )
        },
        "kerrisk" => About {
            source: Some(
                "M. Kerrisk, The Linux Programming Interface (2010), table 63-9: seconds for 100,000 \
                 operations on Linux 2.6.25. poll 0.61, 2.9, 35 and 990; select 0.73, 3.0, 35 and 930; epoll \
                 0.41, 0.42, 0.53 and 0.66, with 10, 100, 1000 and 10,000 descriptors. So poll cost 1.5, 6.9, \
                 66 and 1500 times epoll. Here poll and select look before they sleep, which today's kernel \
                 makes far cheaper than registering on each descriptor; the shape stays, the factors shrink.",
            ),
            ..plain(
                "Does Kerrisk's table still hold?",
                "A unit is as in one_ready, at his sizes.",
            )
        },
        "gammo" => About {
            source: Some(
                "Gammo, Brecht, Shukla and Pariag, Comparing and Evaluating epoll, select, and poll Event \
                 Mechanisms (OLS 2004), on Linux 2.6: without idle connections select and poll equalled or beat \
                 level-triggered epoll, whose many epoll_ctl calls cost; with 10,000 idle ones they collapsed.",
            ),
            ..plain(
                "Do select and poll still keep up without idle connections?",
                "A unit is a message echoed over TCP, 64 clients talking at a time beside connections that \
                 are idle.",
            )
        },
        "banga" => About {
            source: Some(
                "Banga, Mogul and Druschel, A Scalable and Explicit Event Delivery Mechanism for UNIX (USENIX \
                 1999): while a slow select runs more events come, which the next one finds together; a faster \
                 wait finds fewer and is called more often, so that a part of what it saves is lost again. By \
                 the wait it would look better than it is. The figure is by the event, and the second table \
                 has both. A modern kernel changes the costs and not this.",
            ),
            ..plain(
                "What does a slow wait cost when events come at their own pace?",
                "A unit is an event. One comes each 5 µs, or as the number says, for the next of N pipes; \
                 what came during a wait is found by the next. Time in which nothing is due is skipped.",
            )
        },
        _ => plain("What else was measured?", ""),
    }
}
