//! The command line: one file a command.
//!
//! Says what happened and ends with a number: 0 yes, 1 refused, 2 wrong use, 3 error. It joins the
//! other modules and holds no rule of its own; what a request means is the server's to say.

mod answer;
mod archive;
mod campaign;
mod cert;
mod check;
mod code;
mod code_list;
mod code_stream;
mod definition;
mod demo;
mod doctor;
mod doctor_redis;
mod epoch;
mod explanation;
mod export;
mod figures;
mod gauges;
mod import;
mod init;
mod installation;
mod ledger;
mod office;
mod order;
mod output;
mod pages;
mod place;
mod ready;
mod redis_store;
mod serve;
mod shell;
mod supervisor;
mod tally;
mod token;
mod user;
mod value;
mod verbs;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use definition::Sort;
use output::Ended;
use place::Global;

pub use output::Exit;

/// Decides in microseconds whether a voucher, coupon, pass or account may be used now, and records
/// each use exactly once
///
/// On the server's own host every command finds server, certificate and token in the data
/// directory. Elsewhere give --server or --url, --ca and --token-file, or the variables
/// JETON_SERVER, JETON_URL, JETON_CA, JETON_TOKEN_FILE.
///
/// Exit codes: 0 yes, 1 refused, 2 wrong use, 3 error.
#[derive(Debug, Parser)]
#[command(name = "jeton", version, after_long_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  jeton serve                                          the first start makes all that is needed
  jeton campaign apply summer.toml
  jeton code generate summer --count 100 --out codes.csv
  jeton redeem SUMMER-7K3M-9Q2X --gate north
  jeton doctor";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve
    ///
    /// The first start makes the data directory with secret, certificates and an admin token, and
    /// says so. SIGTERM and SIGINT let everybody finish, a second signal does not wait; SIGHUP
    /// takes up a new certificate.
    #[command(after_long_help = SERVE_EXAMPLES)]
    Serve(serve::ServeFlags),
    /// Serve a sample park and a sample sale, with commands to paste
    ///
    /// Data is in ./jeton-demo unless --data says otherwise, and is made anew each time.
    Demo(demo::DemoFlags),
    /// Make the data directory, without serving; and an installation in Redis
    ///
    /// For several nodes, give --store redis://… on the first one; what it prints at the end says
    /// which files the others need. It goes on where it was interrupted, and never makes an
    /// installation again that was there.
    #[command(after_long_help = INIT_EXAMPLES)]
    Init(init::InitFlags),
    /// Campaigns: definitions and where they stand
    #[command(subcommand)]
    Campaign(campaign::Campaign),
    /// Accounts that customers can have, which campaign apply defines; and what is in them
    #[command(subcommand)]
    Account(value::Account),
    /// Groups of campaigns that slots accept; campaign apply defines them
    #[command(subcommand)]
    Group(definition::Definition),
    /// Slots, and the groups that they accept; campaign apply defines them
    #[command(subcommand)]
    Slot(definition::Definition),
    /// Codes: generate, import, look up, block
    #[command(subcommand)]
    Code(Box<code::Code>),
    /// Ask whether codes could be used; changes nothing
    #[command(after_long_help = VALIDATE_EXAMPLES)]
    Validate(Box<verbs::ValidateFlags>),
    /// Use codes: all of them, or none
    ///
    /// If the answer is lost, repeat with the same --id: it takes effect once.
    #[command(after_long_help = REDEEM_EXAMPLES)]
    Redeem(Box<verbs::RedeemFlags>),
    /// Hold codes for a while, to be confirmed or released
    #[command(after_long_help = HOLD_EXAMPLES)]
    Hold(Box<verbs::HoldFlags>),
    /// Make a hold, or a part of it, a redemption
    Confirm(verbs::ConfirmFlags),
    /// Give back a hold or redemption, or a part of it; or give a voucher or credit for it
    ///
    /// A voucher or credit comes with the release, or not at all. If the answer is lost, repeat
    /// with the same --id: it takes effect once.
    #[command(after_long_help = RELEASE_EXAMPLES)]
    Release(Box<verbs::ReleaseFlags>),
    /// Hold longer
    Extend(verbs::ExtendFlags),
    /// Ask what became of a request, or where a code stands
    Status(verbs::StatusFlags),
    /// Put value into a voucher or a customer's account
    ///
    /// If the answer is lost, repeat with the same --id: it takes effect once. Released by its id,
    /// it is taken out again.
    #[command(name = "topup", after_long_help = TOP_UP_EXAMPLES)]
    TopUp(Box<value::TopUp>),
    /// Move value from one voucher or account to another: all of it, or nothing
    ///
    /// If the answer is lost, repeat with the same --id: it takes effect once. Released by its id,
    /// it goes back.
    #[command(after_long_help = TRANSFER_EXAMPLES)]
    Transfer(Box<value::Transfer>),
    /// Figures: what happened by minute, hour or day, and how a campaign stands
    ///
    /// Counted from the ledger's events, to the unit. Days are those of each campaign's calendar.
    #[command(after_long_help = FIGURES_EXAMPLES)]
    Figures(figures::FiguresFlags),
    /// Tokens: who may speak to the server
    #[command(subcommand)]
    Token(token::Token),
    /// Users: the people who may sign in to the pages
    #[command(subcommand)]
    User(user::User),
    /// Client certificates
    #[command(subcommand)]
    Cert(cert::Cert),
    /// The ledger: where it stands, and the way back when Redis lost it
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// Say whether the server answers requests: for health checks and scripts
    ///
    /// Exits with 0 when it does; with 3 when it cannot be reached, is not ready yet, drains, or
    /// its ledger cannot be written.
    Ready,
    /// Look for what is wrong with this machine and this installation
    ///
    /// Each line is ok, warn, unknown, fail or unsafe, with what to type. Exits with 1 if anything
    /// fails, with 3 if Redis would break a promise.
    Doctor,
    /// The whole installation into one file: definitions, codes, ledger, events
    ///
    /// No node may serve meanwhile. Code texts stay sealed: the file is of use only together with
    /// the installation's secret.
    #[command(after_long_help = EXPORT_EXAMPLES)]
    Export(export::ExportFlags),
    /// An archive into a new installation with the same secret
    ///
    /// The file is checked as a whole before anything is written; afterwards all is read back and
    /// compared. Exits with 3 when they differ.
    #[command(after_long_help = IMPORT_EXAMPLES)]
    Import(import::ImportFlags),
    /// The configuration
    #[command(subcommand)]
    Config(check::Config),
    /// Print a shell's completions
    #[command(after_long_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, or write all pages into a directory
    Man {
        /// The directory; made if it does not exist
        dir: Option<PathBuf>,
    },
}

const SERVE_EXAMPLES: &str = "\
Examples:
  jeton serve                                                 on this machine only
  jeton serve --listen 0.0.0.0:7411 --http-listen 0.0.0.0:7412
  jeton serve --set tls.server_names='[\"park.example\"]'
  jeton serve --data /tmp/try --durability memory --log-level debug";

const INIT_EXAMPLES: &str = "\
Examples:
  jeton init --data /var/lib/jeton
  jeton init --store redis://127.0.0.1:6379                 several nodes, one Redis
  jeton init --store rediss://redis.example --set redis_user=jeton \
    --set redis_password_file=/etc/jeton/redis-password --set redis_ca_file=/etc/jeton/redis-ca.pem
  jeton init --store redis+sentinel://a,b,c/jeton --set durability='{ replicas = 1 }'
  jeton init --tenant park --new-token      a tenant's first token, or one that was lost";

const VALIDATE_EXAMPLES: &str = "\
Examples:
  jeton validate SUMMER-7K3M-9Q2X
  jeton validate SUMMER-7K3M-9Q2X --total 120 --currency EUR --channel web --explain
  jeton validate A-1 B-2 --line ticket:2:59.80 --line lunch:food:1:12.50 --currency EUR";

const REDEEM_EXAMPLES: &str = "\
Examples:
  jeton redeem SUMMER-7K3M-9Q2X --gate north
  jeton redeem GIFT-AAAA-BBBB --amount 12.50 --currency EUR --order-ref R-1001
  jeton redeem PASS-1234 --gate north --zone park --entry --units 3";

const HOLD_EXAMPLES: &str = "\
Examples:
  jeton hold SUMMER-7K3M-9Q2X --ttl 15m --total 120 --currency EUR
  jeton confirm 0190f2f0-0000-7000-8000-00000000002a
  jeton release 0190f2f0-0000-7000-8000-00000000002a";

const RELEASE_EXAMPLES: &str = "\
Examples:
  jeton release 0190f2f0-0000-7000-8000-00000000002a
  jeton release 0190f2f0-0000-7000-8000-00000000002a --part-amount 12.50 --currency EUR
  jeton release 0190f2f0-0000-7000-8000-00000000002a --voucher gift --amount 80.00 --holder mia
  jeton release 0190f2f0-0000-7000-8000-00000000002a --credit card --customer mia --amount 80.00";

const TOP_UP_EXAMPLES: &str = "\
Examples:
  jeton topup --code GIFT-AAAA-BBBB 50.00 --order-ref S-2002
  jeton topup --account card --customer mia 100                whole points, if it keeps points";

const TRANSFER_EXAMPLES: &str = "\
Examples:
  jeton transfer --from-code GIFT-AAAA-BBBB --to-code GIFT-CCCC-DDDD 20.00
  jeton transfer --from-code GIFT-AAAA-BBBB --to-account card --to-customer mia 20.00";

const FIGURES_EXAMPLES: &str = "\
Examples:
  jeton figures                                        the last 30 days, day by day
  jeton figures --campaign summer --step hour
  jeton figures --by gate --from 2026-07-01 --to 2026-08-01
  jeton figures --by reason --step minute";

const EXPORT_EXAMPLES: &str = "\
Examples:
  jeton export park.jeton                              from the store that is configured
  jeton export park.jeton --data /var/lib/jeton";

const IMPORT_EXAMPLES: &str = "\
Examples:
  mkdir -m 700 new && cp -p old/secret old/ca.pem old/ca.key new/
  jeton init --data new --store redis://127.0.0.1:6379
  jeton import park.jeton --data new";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  jeton completions bash > /etc/bash_completion.d/jeton
  jeton completions zsh > ~/.zfunc/_jeton
  jeton completions fish > ~/.config/fish/completions/jeton.fish";

/// Reads the command line, does what it says, and gives the number to exit with.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let output = cli.global.output();
    let exit = match dispatch(cli) {
        Ok(exit) => exit,
        Err(error) if is_broken_pipe(&error) => Exit::Yes,
        Err(error) => {
            let exit = error
                .chain()
                .find_map(|cause| cause.downcast_ref::<Ended>())
                .map_or(Exit::Error, |ended| ended.exit);
            output.failure(exit, &format!("{error:#}"));
            exit
        }
    };
    ExitCode::from(exit.number())
}

fn dispatch(cli: Cli) -> anyhow::Result<Exit> {
    let Cli { global, command } = cli;
    let output = global.output();
    let place = || global.place();
    match command {
        Command::Serve(flags) => serve::run(&flags, &global, output),
        Command::Demo(flags) => demo::run(&flags, &global, output),
        Command::Init(flags) => init::run(&flags, &global, output),
        Command::Campaign(command) => campaign::run(&command, &place()?, output),
        Command::Account(command) => value::account(&command, &place()?, output),
        Command::Group(command) => definition::run(Sort::Groups, &command, &place()?, output),
        Command::Slot(command) => definition::run(Sort::Slots, &command, &place()?, output),
        Command::Code(command) => code::run(&command, &place()?, output),
        Command::Validate(flags) => verbs::validate(*flags, &place()?, output),
        Command::Redeem(flags) => verbs::redeem(*flags, &place()?, output),
        Command::Hold(flags) => verbs::hold(*flags, &place()?, output),
        Command::Confirm(flags) => verbs::confirm(&flags, &place()?, output),
        Command::Release(flags) => verbs::release(*flags, &place()?, output),
        Command::Extend(flags) => verbs::extend(&flags, &place()?, output),
        Command::Status(flags) => verbs::status(flags, &place()?, output),
        Command::TopUp(flags) => value::top_up(&flags, &place()?, output),
        Command::Transfer(flags) => value::transfer(&flags, &place()?, output),
        Command::Figures(flags) => figures::run(&flags, &place()?, output),
        Command::Token(command) => token::run(&command, &place()?, output),
        Command::User(command) => user::run(&command, &place()?, output),
        Command::Cert(command) => cert::run(&command, &place()?, output),
        Command::Ledger(command) => ledger::run(&command, &place()?, output),
        Command::Ready => ready::run(&place()?, output),
        Command::Doctor => doctor::run(&place()?, output),
        Command::Export(flags) => export::run(&flags, &global, output),
        Command::Import(flags) => import::run(&flags, &global, output),
        Command::Config(command) => check::run(&command, &global, output),
        Command::Completions { shell } => shell::completions(shell),
        Command::Man { dir } => shell::man(dir.as_deref(), output),
    }
}

/// Whether the reader went away: no failure of ours.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = |cause: &(dyn std::error::Error + 'static)| {
        let io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        io.or_else(|| cause.downcast_ref::<serde_json::Error>()?.io_error_kind())
    };
    error.chain().any(|cause| kind(cause) == Some(std::io::ErrorKind::BrokenPipe))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
