//! Measures the goals that waitset was built to reach.
//!
//! ```text
//! cargo run --release -p waitset-bench --bin goals -- --rivals
//! ```

#[cfg(not(target_os = "linux"))]
fn main() {
    waitset_bench::note!(
        "skipped: the goals are about epoll and io_uring, so they are measured on Linux"
    );
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    waitset_bench::output::run("goals", on_linux::main)
}

#[cfg(target_os = "linux")]
mod on_linux {
    use std::io::{self, Write};
    use std::path::PathBuf;
    use std::process::ExitCode;

    use clap::Parser;
    use waitset_bench::callgrind::Counted;
    use waitset_bench::goals::{GOALS, Goal, Lab, print, summary};
    use waitset_bench::machine::Machine;
    use waitset_bench::note;
    use waitset_bench::output::Output;
    use waitset_bench::record::Report;
    use waitset_bench::{foreign, limits};

    /// Pairs for a figure; 15 are the fewest that a goal accepts.
    const PAIRS: usize = 51;
    const QUICK_PAIRS: usize = 15;

    /// Measures the fourteen goals, each against its rival in pairs of short slices that
    /// take turns, and says which are met. About two minutes; instructions and system calls
    /// are counted by valgrind, where it is installed.
    #[derive(Parser)]
    #[command(max_term_width = 80)]
    struct Arguments {
        /// Measure goal N only; may be given several times
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=14))]
        only: Vec<u8>,
        /// Measure 15 pairs for a figure and not 51
        #[arg(long)]
        quick: bool,
        /// Build the loops of libevent and libev with cc, for goal 7
        #[arg(long)]
        rivals: bool,
        /// Write all figures to FILE as JSON
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        #[command(subcommand)]
        run: Option<Counted>,
    }

    pub(super) fn main(out: &mut Output) -> io::Result<ExitCode> {
        let arguments = Arguments::parse();
        limits::raise();
        match &arguments.run {
            Some(counted) => counted.run()?,
            None => measure(&arguments, out)?,
        }
        Ok(ExitCode::SUCCESS)
    }

    fn measure(arguments: &Arguments, out: &mut Output) -> io::Result<()> {
        writeln!(out, "{}", Machine::here())?;
        let pairs = if arguments.quick { QUICK_PAIRS } else { PAIRS };
        let mut lab = Lab::new(pairs, rivals(arguments.rivals));
        let mut goals: Vec<Goal> = Vec::new();
        for aim in GOALS {
            if !arguments.only.is_empty() && !arguments.only.contains(&aim.number) {
                continue;
            }
            note!("measuring goal {} ...", aim.number);
            let goal = aim.measure(&mut lab)?;
            print(&goal, out)?;
            goals.push(goal);
        }
        summary(&goals, pairs, out)?;
        match &arguments.json {
            Some(path) => Report::new(goals).write(path),
            None => Ok(()),
        }
    }

    fn rivals(are_asked: bool) -> Result<Vec<foreign::Foreign>, String> {
        if !are_asked {
            return Err("libevent and libev take part with --rivals, which needs cc".to_owned());
        }
        let (built, missing) = foreign::build();
        missing.iter().for_each(|missing| note!("{missing}"));
        Ok(built)
    }
}
