//! What a client sends.

use smallvec::SmallVec;

use super::decode::{self, Fields, read_array};
use super::encode::{self, Writer};
use super::{
    CLIENT_LEN_MAX, CODE_LEN_MAX, CODES_MAX, Cause, DecodeError, EncodeError, Id, Options, Order,
    TOKEN_LEN_MAX,
};

/// A message from a client. `S` is `&str` in a frame that was just read, `String` where it is
/// kept, for example to be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request<S = String> {
    /// 0: who I am. First on the first lane.
    Hello(Hello<S>),
    /// 1: would it be yes? Changes nothing.
    Validate(Validate<S>),
    /// 2: take it.
    Redeem(Redeem<S>),
    /// 3: take it for a while.
    Hold(Hold<S>),
    /// 4: make a hold a redemption.
    Confirm(Confirm),
    /// 5: give back.
    Release(Release<S>),
    /// 6: hold longer.
    Extend(Extend),
    /// 7: what became of that id?
    Status(StatusQuery),
    /// 8: what about that code?
    Code(CodeQuery<S>),
    /// 9: are you there?
    Ping,
}

/// `[0, seq, client, token]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hello<S = String> {
    /// Name and version of the client, for the server's log.
    pub client: S,
    /// A token, or "" when a client certificate speaks.
    pub token: S,
}

/// `[1, seq, deadline_ms, codes, order, exact, explain, options]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Validate<S = String> {
    /// How long from sending the answer is of use, in milliseconds; 0: no deadline.
    pub deadline_ms: u32,
    /// At most [`CODES_MAX`] codes of at most [`CODE_LEN_MAX`] bytes; none: what applies without.
    pub codes: SmallVec<[S; 2]>,
    /// The circumstances.
    pub order: Order<S>,
    /// Ask the ledger itself, not this node's picture of it.
    pub exact: bool,
    /// Has no effect here: explanations are told over HTTP.
    pub explain: bool,
    /// How it is to be taken.
    pub options: Options,
}

/// `[2, seq, deadline_ms, id, codes, order, options]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Redeem<S = String> {
    /// How long from sending the answer is of use, in milliseconds; 0: no deadline.
    pub deadline_ms: u32,
    /// Made before the first try, the same in every try.
    pub id: Id,
    /// At most [`CODES_MAX`] codes: all of them, or none.
    pub codes: SmallVec<[S; 2]>,
    /// The circumstances.
    pub order: Order<S>,
    /// How it is to be taken.
    pub options: Options,
}

/// `[3, seq, deadline_ms, id, codes, order, ttl_ms, options]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hold<S = String> {
    /// How long from sending the answer is of use, in milliseconds; 0: no deadline.
    pub deadline_ms: u32,
    /// Made before the first try, the same in every try; confirm and release name it.
    pub id: Id,
    /// At most [`CODES_MAX`] codes: all of them, or none.
    pub codes: SmallVec<[S; 2]>,
    /// The circumstances.
    pub order: Order<S>,
    /// How long to hold, in milliseconds; 0: the campaign's default.
    pub ttl_ms: u32,
    /// How it is to be taken.
    pub options: Options,
}

/// `[4, seq, deadline_ms, id, part]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Confirm {
    /// How long from sending the answer is of use, in milliseconds; 0: no deadline.
    pub deadline_ms: u32,
    /// The hold's id.
    pub id: Id,
    /// How much of the hold's size; 0: all. The rest is released.
    pub part: u64,
}

/// `[5, seq, deadline_ms, release_id, id, part, codes]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Release<S = String> {
    /// How long from sending the answer is of use, in milliseconds; 0: no deadline.
    pub deadline_ms: u32,
    /// This release's own id: the same in every try, another one for another release.
    pub release_id: Id,
    /// The id of the hold or redemption.
    pub id: Id,
    /// How much of its size; 0: all that is left.
    pub part: u64,
    /// Only what these codes have of it, all of that; at most [`CODES_MAX`], and `part` is 0 then.
    /// None: what all have.
    pub codes: SmallVec<[S; 2]>,
}

/// `[6, seq, deadline_ms, id, ttl_ms]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extend {
    /// How long from sending the answer is of use, in milliseconds; 0: no deadline.
    pub deadline_ms: u32,
    /// The hold's id.
    pub id: Id,
    /// How long to hold from now, in milliseconds; 0: the campaign's default.
    pub ttl_ms: u32,
}

/// `[7, seq, deadline_ms, id]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatusQuery {
    /// How long from sending the answer is of use, in milliseconds; 0: no deadline.
    pub deadline_ms: u32,
    /// The id of a redeem, hold or release.
    pub id: Id,
}

/// `[8, seq, deadline_ms, code]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CodeQuery<S = String> {
    /// How long from sending the answer is of use, in milliseconds; 0: no deadline.
    pub deadline_ms: u32,
    /// The code, at most [`CODE_LEN_MAX`] bytes.
    pub code: S,
}

impl<S> Request<S> {
    /// How long from sending the answer is of use, in milliseconds; 0: no deadline.
    #[must_use]
    pub const fn deadline_ms(&self) -> u32 {
        match self {
            Self::Hello(_) | Self::Ping => 0,
            Self::Validate(validate) => validate.deadline_ms,
            Self::Redeem(redeem) => redeem.deadline_ms,
            Self::Hold(hold) => hold.deadline_ms,
            Self::Confirm(confirm) => confirm.deadline_ms,
            Self::Release(release) => release.deadline_ms,
            Self::Extend(extend) => extend.deadline_ms,
            Self::Status(status) => status.deadline_ms,
            Self::Code(code) => code.deadline_ms,
        }
    }

    /// Sets the deadline, where the message has one.
    pub const fn set_deadline_ms(&mut self, deadline_ms: u32) {
        match self {
            Self::Hello(_) | Self::Ping => {}
            Self::Validate(validate) => validate.deadline_ms = deadline_ms,
            Self::Redeem(redeem) => redeem.deadline_ms = deadline_ms,
            Self::Hold(hold) => hold.deadline_ms = deadline_ms,
            Self::Confirm(confirm) => confirm.deadline_ms = deadline_ms,
            Self::Release(release) => release.deadline_ms = deadline_ms,
            Self::Extend(extend) => extend.deadline_ms = deadline_ms,
            Self::Status(status) => status.deadline_ms = deadline_ms,
            Self::Code(code) => code.deadline_ms = deadline_ms,
        }
    }

    /// The id under which this request must be repeated until it is answered; `None` for one
    /// that changes nothing. For a release it is the release's own.
    #[must_use]
    pub const fn id(&self) -> Option<Id> {
        match self {
            Self::Redeem(redeem) => Some(redeem.id),
            Self::Hold(hold) => Some(hold.id),
            Self::Confirm(confirm) => Some(confirm.id),
            Self::Release(release) => Some(release.release_id),
            Self::Extend(extend) => Some(extend.id),
            Self::Hello(_) | Self::Validate(_) | Self::Status(_) | Self::Code(_) | Self::Ping => {
                None
            }
        }
    }
}

impl<S: AsRef<str>> Request<S> {
    /// Appends this message as one frame. `seq` is what the reply will carry; 0 is reserved for
    /// messages that answer nothing.
    ///
    /// # Errors
    /// When the server would not accept it; then nothing was appended.
    pub fn encode(&self, seq: u32, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        encode::frame(out, |w| self.write(seq, w))
    }

    fn write(&self, seq: u32, w: &mut Writer) -> Result<(), EncodeError> {
        let deadline_ms = self.deadline_ms();
        match self {
            Self::Hello(hello) => {
                w.message(0, seq, 2);
                w.text("client", hello.client.as_ref(), CLIENT_LEN_MAX)?;
                w.text("token", hello.token.as_ref(), TOKEN_LEN_MAX)?;
            }
            Self::Validate(validate) => {
                let w = open_with(w, 1, seq, deadline_ms, 5, validate.options);
                write_codes(w, &validate.codes)?;
                validate.order.write(w)?;
                w.bool(validate.exact);
                w.bool(validate.explain);
                write_options(w, validate.options);
            }
            Self::Redeem(redeem) => {
                let w = open_with(w, 2, seq, deadline_ms, 4, redeem.options);
                w.id(redeem.id);
                write_codes(w, &redeem.codes)?;
                redeem.order.write(w)?;
                write_options(w, redeem.options);
            }
            Self::Hold(hold) => {
                let w = open_with(w, 3, seq, deadline_ms, 5, hold.options);
                w.id(hold.id);
                write_codes(w, &hold.codes)?;
                hold.order.write(w)?;
                w.uint(hold.ttl_ms.into());
                write_options(w, hold.options);
            }
            Self::Confirm(confirm) => {
                let w = open(w, 4, seq, deadline_ms, 3);
                w.id(confirm.id);
                w.uint(confirm.part);
            }
            Self::Release(release) => {
                let has_codes = !release.codes.is_empty();
                if has_codes && release.part != 0 {
                    return Err(EncodeError::OutOfRange { what: "part", expected: PART_EXPECTED });
                }
                let w = open(w, 5, seq, deadline_ms, 4 + u32::from(has_codes));
                w.id(release.release_id);
                w.id(release.id);
                w.uint(release.part);
                if has_codes {
                    write_codes(w, &release.codes)?;
                }
            }
            Self::Extend(extend) => {
                let w = open(w, 6, seq, deadline_ms, 3);
                w.id(extend.id);
                w.uint(extend.ttl_ms.into());
            }
            Self::Status(status) => open(w, 7, seq, deadline_ms, 2).id(status.id),
            Self::Code(query) => {
                open(w, 8, seq, deadline_ms, 2).text("code", query.code.as_ref(), CODE_LEN_MAX)?;
            }
            Self::Ping => w.message(9, seq, 0),
        }
        Ok(())
    }
}

fn open(w: &mut Writer, kind: u8, seq: u32, deadline_ms: u32, fields: u32) -> &mut Writer {
    w.message(kind, seq, fields);
    w.uint(deadline_ms.into());
    w
}

/// Opens a message that has one field more where options are said.
fn open_with(
    w: &mut Writer,
    kind: u8,
    seq: u32,
    deadline_ms: u32,
    fields: u32,
    options: Options,
) -> &mut Writer {
    open(w, kind, seq, deadline_ms, fields + u32::from(options.are_said()))
}

fn write_options(w: &mut Writer, options: Options) {
    if options.are_said() {
        options.write(w);
    }
}

const PART_EXPECTED: &str = "0 where codes are given";

fn write_codes<S: AsRef<str>>(w: &mut Writer, codes: &[S]) -> Result<(), EncodeError> {
    w.array_limited("codes", codes.len(), CODES_MAX)?;
    for code in codes {
        w.text("code", code.as_ref(), CODE_LEN_MAX)?;
    }
    Ok(())
}

/// What stands in front of every request: enough to refuse it without reading the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// What is asked.
    pub kind: u64,
    /// What the reply will carry.
    pub seq: u32,
    /// How long from sending the answer is of use, in milliseconds; 0: no deadline. Read only where
    /// something shall change, of redeem to extend; else 0.
    pub deadline_ms: u32,
}

impl Head {
    /// The kind of [`Redeem`].
    pub const REDEEM: u64 = 2;
    /// The kind of [`Hold`].
    pub const HOLD: u64 = 3;
    /// The kind of [`Confirm`].
    pub const CONFIRM: u64 = 4;
    /// The kind of [`Release`].
    pub const RELEASE: u64 = 5;
    /// The kind of [`Extend`].
    pub const EXTEND: u64 = 6;

    /// Reads the front of a frame's body. The rest may still be wrong.
    ///
    /// # Errors
    /// Where the front is.
    pub fn read(body: &[u8]) -> Result<Self, DecodeError> {
        decode::front(body, |kind, seq, fields| {
            let deadline_ms = match kind {
                Self::REDEEM..=Self::EXTEND => fields.uint_or_zero("deadline_ms")?,
                _ => 0,
            };
            Ok(Self { kind, seq, deadline_ms })
        })
    }
}

impl<'a> Request<&'a str> {
    /// Reads one frame's body; gives the sequence number and the message.
    ///
    /// # Errors
    /// [`DecodeError::fault`] says what to answer.
    pub fn decode(body: &'a [u8]) -> Result<(u32, Self), DecodeError> {
        decode::message(body, Self::read)
    }

    fn read(kind: u64, fields: &mut Fields<'_, 'a>) -> Result<Self, DecodeError> {
        match kind {
            0 => Hello::read(fields).map(Self::Hello),
            1 => Validate::read(fields).map(Self::Validate),
            Head::REDEEM => Redeem::read(fields).map(Self::Redeem),
            Head::HOLD => Hold::read(fields).map(Self::Hold),
            Head::CONFIRM => Confirm::read(fields).map(Self::Confirm),
            Head::RELEASE => Release::read(fields).map(Self::Release),
            Head::EXTEND => Extend::read(fields).map(Self::Extend),
            7 => StatusQuery::read(fields).map(Self::Status),
            8 => CodeQuery::read(fields).map(Self::Code),
            9 => Ok(Self::Ping),
            _ => Err(fields.unknown_kind(kind)),
        }
    }
}

impl<'a> Hello<&'a str> {
    fn read(fields: &mut Fields<'_, 'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            client: fields.text_or_empty("client", CLIENT_LEN_MAX)?,
            token: fields.text_or_empty("token", TOKEN_LEN_MAX)?,
        })
    }
}

impl<'a> Validate<&'a str> {
    fn read(fields: &mut Fields<'_, 'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            deadline_ms: fields.uint_or_zero("deadline_ms")?,
            codes: read_codes(fields)?,
            order: read_order(fields)?,
            exact: fields.bool_or_false("exact")?,
            explain: fields.bool_or_false("explain")?,
            options: read_options(fields)?,
        })
    }
}

impl<'a> Redeem<&'a str> {
    fn read(fields: &mut Fields<'_, 'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            deadline_ms: fields.uint_or_zero("deadline_ms")?,
            id: fields.id("id")?,
            codes: read_codes(fields)?,
            order: read_order(fields)?,
            options: read_options(fields)?,
        })
    }
}

impl<'a> Hold<&'a str> {
    fn read(fields: &mut Fields<'_, 'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            deadline_ms: fields.uint_or_zero("deadline_ms")?,
            id: fields.id("id")?,
            codes: read_codes(fields)?,
            order: read_order(fields)?,
            ttl_ms: fields.uint_or_zero("ttl_ms")?,
            options: read_options(fields)?,
        })
    }
}

impl Confirm {
    fn read(fields: &mut Fields<'_, '_>) -> Result<Self, DecodeError> {
        Ok(Self {
            deadline_ms: fields.uint_or_zero("deadline_ms")?,
            id: fields.id("id")?,
            part: fields.uint_or_zero("part")?,
        })
    }
}

impl<'a> Release<&'a str> {
    fn read(fields: &mut Fields<'_, 'a>) -> Result<Self, DecodeError> {
        let deadline_ms = fields.uint_or_zero("deadline_ms")?;
        let release_id = fields.id("release_id")?;
        let id = fields.id("id")?;
        let part = fields.uint_or_zero("part")?;
        let codes = match fields.next() {
            None => SmallVec::new(),
            Some(r) => {
                let codes = read_array(r, "codes", CODES_MAX, |r| r.text("code", CODE_LEN_MAX))?;
                if part != 0 && !SmallVec::is_empty(&codes) {
                    let cause = Cause::OutOfRange { expected: PART_EXPECTED };
                    return Err(r.error("part", cause));
                }
                codes
            }
        };
        Ok(Self { deadline_ms, release_id, id, part, codes })
    }
}

impl Extend {
    fn read(fields: &mut Fields<'_, '_>) -> Result<Self, DecodeError> {
        Ok(Self {
            deadline_ms: fields.uint_or_zero("deadline_ms")?,
            id: fields.id("id")?,
            ttl_ms: fields.uint_or_zero("ttl_ms")?,
        })
    }
}

impl StatusQuery {
    fn read(fields: &mut Fields<'_, '_>) -> Result<Self, DecodeError> {
        Ok(Self { deadline_ms: fields.uint_or_zero("deadline_ms")?, id: fields.id("id")? })
    }
}

impl<'a> CodeQuery<&'a str> {
    fn read(fields: &mut Fields<'_, 'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            deadline_ms: fields.uint_or_zero("deadline_ms")?,
            code: fields.need("code")?.text("code", CODE_LEN_MAX)?,
        })
    }
}

impl Request<&str> {
    /// The same message with texts of its own.
    #[must_use]
    pub fn into_owned(self) -> Request {
        match self {
            Self::Hello(hello) => Request::Hello(Hello {
                client: hello.client.to_owned(),
                token: hello.token.to_owned(),
            }),
            Self::Validate(validate) => Request::Validate(Validate {
                deadline_ms: validate.deadline_ms,
                codes: owned(&validate.codes),
                order: validate.order.into_owned(),
                exact: validate.exact,
                explain: validate.explain,
                options: validate.options,
            }),
            Self::Redeem(redeem) => Request::Redeem(Redeem {
                deadline_ms: redeem.deadline_ms,
                id: redeem.id,
                codes: owned(&redeem.codes),
                order: redeem.order.into_owned(),
                options: redeem.options,
            }),
            Self::Hold(hold) => Request::Hold(Hold {
                deadline_ms: hold.deadline_ms,
                id: hold.id,
                codes: owned(&hold.codes),
                order: hold.order.into_owned(),
                ttl_ms: hold.ttl_ms,
                options: hold.options,
            }),
            Self::Confirm(confirm) => Request::Confirm(confirm),
            Self::Release(release) => Request::Release(Release {
                deadline_ms: release.deadline_ms,
                release_id: release.release_id,
                id: release.id,
                part: release.part,
                codes: owned(&release.codes),
            }),
            Self::Extend(extend) => Request::Extend(extend),
            Self::Status(status) => Request::Status(status),
            Self::Code(query) => Request::Code(CodeQuery {
                deadline_ms: query.deadline_ms,
                code: query.code.to_owned(),
            }),
            Self::Ping => Request::Ping,
        }
    }
}

fn owned(texts: &[&str]) -> SmallVec<[String; 2]> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn read_codes<'a>(fields: &mut Fields<'_, 'a>) -> Result<SmallVec<[&'a str; 2]>, DecodeError> {
    let r = fields.need("codes")?;
    read_array(r, "codes", CODES_MAX, |r| r.text("code", CODE_LEN_MAX))
}

fn read_order<'a>(fields: &mut Fields<'_, 'a>) -> Result<Order<&'a str>, DecodeError> {
    fields.next().map_or_else(|| Ok(Order::default()), Order::read)
}

fn read_options(fields: &mut Fields<'_, '_>) -> Result<Options, DecodeError> {
    fields.next().map_or_else(|| Ok(Options::default()), Options::read)
}
