//! P12: making codes and taking codes in, each durable and found by requests before it is handed
//! out, against writing the same lines to a file with one `fsync` at the end.

use super::field::Field;
use super::verdict::{Contest, Findings, Series, Target};
use crate::codes;

/// In each round.
const CODES: u64 = 2_000_000;

pub(super) fn against_a_file(field: &mut Field) -> anyhow::Result<Findings> {
    let count = field.codes(CODES);
    field.setting(format!("{count} codes in each round, into empty stores"));
    let mut imported = Series::new("import", "/s");
    let mut generated = Series::new("generate", "/s");
    let mut written = Series::new("the same lines to a file, one fsync", "/s");
    for round in field.rounds() {
        let dir = field.path(&format!("round-{round}"));
        let list = dir.join("codes.txt");
        std::fs::create_dir(&dir)?;
        let (generate, texts) = codes::generate(&dir.join("generated"), count)?;
        generated.push(codes::per_s(count, generate.seconds));
        written.push(codes::per_s(count, codes::write_file(&list, &texts)?.seconds));
        drop(texts);
        let import = codes::import(&dir.join("imported"), &list, count)?;
        imported.push(codes::per_s(count, import.seconds));
        std::fs::remove_dir_all(&dir)?;
    }
    let contests = vec![
        Contest::against(imported, generated.clone(), Target::AtLeast(0.3)),
        Contest::alone(generated, Target::AtLeast(1_000_000.0)),
    ];
    Ok(Findings { contests, beside: vec![written] })
}
