//! What is known of one code.

use super::decode::Fields;
use super::encode::Writer;
use super::{CampaignKind, CampaignStatus, CodeState, DecodeError};

/// `[130, seq, campaign, version, kind, campaign_status, code_state, used, held, max,
/// balance_minor, currency, valid_from_ms, valid_to_ms, holder, last_used_ms]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CodeStatus<S = String> {
    /// The campaign.
    pub campaign: S,
    /// Its version.
    pub version: u32,
    /// Its kind.
    pub kind: CampaignKind,
    /// Its status.
    pub campaign_status: CampaignStatus,
    /// The code's own state.
    pub code_state: CodeState,
    /// Uses.
    pub used: u64,
    /// Uses held.
    pub held: u64,
    /// Most uses; `None`: unlimited.
    pub max: Option<u64>,
    /// Balance in minor units (points for points); `None`: no balance.
    pub balance_minor: Option<i64>,
    /// ISO 4217; "" where no money is involved.
    pub currency: S,
    /// First moment, in milliseconds since 1970 UTC.
    pub valid_from_ms: Option<i64>,
    /// First moment at which it is no longer valid, in milliseconds since 1970 UTC.
    pub valid_to_ms: Option<i64>,
    /// Whose code it is.
    pub holder: Option<S>,
    /// Last use, in milliseconds since 1970 UTC.
    pub last_used_ms: Option<i64>,
}

impl<S: AsRef<str>> CodeStatus<S> {
    pub(super) fn write(&self, seq: u32, w: &mut Writer) {
        w.message(130, seq, 14);
        w.str(self.campaign.as_ref());
        w.uint(self.version.into());
        w.uint(self.kind.number().into());
        w.uint(self.campaign_status.number().into());
        w.uint(self.code_state.number().into());
        w.uint(self.used);
        w.uint(self.held);
        w.or_nil(self.max, Writer::uint);
        w.or_nil(self.balance_minor, Writer::int);
        w.str(self.currency.as_ref());
        w.or_nil(self.valid_from_ms, Writer::int);
        w.or_nil(self.valid_to_ms, Writer::int);
        w.or_nil(self.holder.as_ref(), |w, holder| w.str(holder.as_ref()));
        w.or_nil(self.last_used_ms, Writer::int);
    }
}

impl<'a> CodeStatus<&'a str> {
    pub(super) fn read(fields: &mut Fields<'_, 'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            campaign: fields.str_or_empty("campaign")?,
            version: fields.uint_or_zero("version")?,
            kind: fields.uint_or_zero::<u8>("kind")?.into(),
            campaign_status: fields.uint_or_zero::<u8>("campaign_status")?.into(),
            code_state: fields.uint_or_zero::<u8>("code_state")?.into(),
            used: fields.uint_or_zero("used")?,
            held: fields.uint_or_zero("held")?,
            max: fields.uint_or_none("max")?,
            balance_minor: fields.int_or_none("balance_minor")?,
            currency: fields.str_or_empty("currency")?,
            valid_from_ms: fields.int_or_none("valid_from_ms")?,
            valid_to_ms: fields.int_or_none("valid_to_ms")?,
            holder: fields.str_or_none("holder")?,
            last_used_ms: fields.int_or_none("last_used_ms")?,
        })
    }

    pub(super) fn into_owned(self) -> CodeStatus {
        CodeStatus {
            campaign: self.campaign.to_owned(),
            version: self.version,
            kind: self.kind,
            campaign_status: self.campaign_status,
            code_state: self.code_state,
            used: self.used,
            held: self.held,
            max: self.max,
            balance_minor: self.balance_minor,
            currency: self.currency.to_owned(),
            valid_from_ms: self.valid_from_ms,
            valid_to_ms: self.valid_to_ms,
            holder: self.holder.map(str::to_owned),
            last_used_ms: self.last_used_ms,
        }
    }
}
