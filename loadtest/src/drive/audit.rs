//! The reckoning after a run: what the server itself counts for each code, beside what its answers
//! said.

use std::time::Duration;

use jeton::client::{Answer, Client, Options};
use jeton::metrics::Stopwatch;

use super::promises::Desk;

/// Most codes that are asked about, from the front of the list, where a skewed law has its most
/// used ones.
const CODES_MAX: usize = 2_000;
/// How long the server's picture may lag behind its answers, as it does where Redis counts.
const LAG_MAX: Duration = Duration::from_secs(2);

/// Compares, and takes down what was found. Needs that everything was answered.
pub(super) async fn audit(options: Options, desk: &Desk) -> anyhow::Result<()> {
    let live = desk.live();
    let client = Client::connect(options).await?;
    let (mut compared, mut differing, mut first) = (0, 0, None);
    for (code, uses) in live.into_iter().take(CODES_MAX) {
        let counted = settled_count(&client, desk.workload.codes.text(code), uses).await?;
        compared += 1;
        if counted != Some(uses) {
            differing += 1;
            let counted = counted.map_or("nothing".to_owned(), |counted| counted.to_string());
            first.get_or_insert_with(|| {
                format!("code {code} of the list: {uses} by its answers, the server says {counted}")
            });
        }
    }
    client.close().await;
    desk.compared(compared, differing, first);
    Ok(())
}

/// How many uses are taken, held ones included, once that is what is expected or does not become
/// it.
async fn settled_count(client: &Client, code: &str, expected: u64) -> anyhow::Result<Option<u64>> {
    let waiting = Stopwatch::start();
    loop {
        let counted = match client.code(code).await? {
            Answer::Yes(status) => Some(status.used + status.held),
            Answer::No(_) => None,
        };
        if counted == Some(expected) || waiting.seconds() > LAG_MAX.as_secs_f64() {
            return Ok(counted);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
