//! One line of CSV into its cells.

use super::Reason;

/// Splits a CSV line into cells (RFC 4180 without line ends inside quotes), blanks around them
/// dropped, and hands on each with its place from 0.
pub(super) fn split(
    line: &str,
    delimiter: char,
    mut cell: impl FnMut(usize, &str) -> Result<(), Reason>,
) -> Result<(), Reason> {
    let is_blank = |c: char| c != delimiter && c.is_whitespace();
    let mut rest = line;
    for at in 0.. {
        rest = rest.trim_start_matches(is_blank);
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut text = String::new();
            rest = quoted;
            loop {
                let (before, after) = rest.split_once('"').ok_or(Reason::UnclosedQuote)?;
                text.push_str(before);
                rest = after;
                match rest.strip_prefix('"') {
                    Some(after) => rest = after,
                    None => break,
                }
                text.push('"');
            }
            cell(at, text.trim())?;
            rest = rest.trim_start_matches(is_blank);
            if rest.is_empty() {
                return Ok(());
            }
            rest = rest.strip_prefix(delimiter).ok_or(Reason::TextAfterQuote)?;
        } else if let Some((before, after)) = rest.split_once(delimiter) {
            cell(at, before.trim())?;
            rest = after;
        } else {
            return cell(at, rest.trim());
        }
    }
    Ok(())
}
