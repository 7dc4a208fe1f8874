//! What each reason says to people, in every language.
//!
//! Short enough for a gate's display, and true for guest, guard and cashier alike. A tenant may say
//! it otherwise (`Campaign::refusal_texts`); these are the texts when it does not.

use super::{Language, Reason};

macro_rules! texts {
    ($($reason:ident: $english:literal $german:literal $czech:literal;)*) => {
        pub(super) fn text(reason: Reason, language: Language) -> &'static str {
            let [english, german, czech] = match reason {
                $(Reason::$reason => [$english, $german, $czech],)*
            };
            match language {
                Language::English => english,
                Language::German => german,
                Language::Czech => czech,
            }
        }
    };
}

texts! {
    CodeMalformed:
        "This is not a valid code. Please check for typing errors."
        "Das ist kein gültiger Code. Bitte auf Tippfehler prüfen."
        "Toto není platný kód. Zkontrolujte prosím překlepy.";
    CodeNotFound:
        "This code is unknown."
        "Dieser Code ist unbekannt."
        "Tento kód neznáme.";
    CodeRevoked:
        "This code has been blocked."
        "Dieser Code wurde gesperrt."
        "Tento kód byl zablokován.";
    CodeReplaced:
        "This code has been replaced by another one."
        "Dieser Code wurde durch einen anderen ersetzt."
        "Tento kód byl nahrazen jiným.";
    CampaignDraft:
        "This offer has not been published yet."
        "Dieses Angebot ist noch nicht veröffentlicht."
        "Tato nabídka ještě nebyla zveřejněna.";
    CampaignPaused:
        "This offer is paused at the moment."
        "Dieses Angebot ist zurzeit ausgesetzt."
        "Tato nabídka je momentálně pozastavena.";
    CampaignEnded:
        "This offer has ended."
        "Dieses Angebot ist beendet."
        "Tato nabídka již skončila.";
    NotActivated:
        "This code has not been paid for yet."
        "Dieser Code ist noch nicht bezahlt."
        "Tento kód ještě nebyl zaplacen.";
    NotStarted:
        "This code is not valid yet."
        "Dieser Code ist noch nicht gültig."
        "Tento kód ještě neplatí.";
    Expired:
        "This code has expired."
        "Dieser Code ist abgelaufen."
        "Platnost tohoto kódu vypršela.";
    OutsideWindow:
        "This code is not valid at this time."
        "Zu dieser Zeit gilt der Code nicht."
        "V tuto dobu kód neplatí.";
    InputMissing:
        "Some details that this code needs are missing."
        "Für diesen Code fehlen noch Angaben."
        "Pro tento kód chybí některé údaje.";
    CustomerRequired:
        "Please say who is using this code."
        "Bitte angeben, wer den Code einlöst."
        "Uveďte prosím, kdo kód uplatňuje.";
    NotHolder:
        "This code belongs to someone else."
        "Dieser Code gehört jemand anderem."
        "Tento kód patří někomu jinému.";
    CustomerNotEligible:
        "This code is for certain customers only."
        "Dieser Code gilt nur für bestimmte Kunden."
        "Tento kód je určen jen pro některé zákazníky.";
    PropertyNotEligible:
        "This code is not valid at this place."
        "An diesem Ort gilt der Code nicht."
        "Na tomto místě kód neplatí.";
    ChannelNotEligible:
        "This code is not valid for this sales channel."
        "Über diesen Verkaufsweg gilt der Code nicht."
        "Pro tento způsob prodeje kód neplatí.";
    PartnerNotEligible:
        "This code is not valid with this partner."
        "Bei diesem Partner gilt der Code nicht."
        "U tohoto partnera kód neplatí.";
    GateNotEligible:
        "This code is not valid at this gate."
        "An diesem Eingang gilt der Code nicht."
        "U tohoto vstupu kód neplatí.";
    ProductNotEligible:
        "Nothing in the order matches this code."
        "Nichts in der Bestellung passt zu diesem Code."
        "Nic v objednávce tomuto kódu neodpovídá.";
    ProductExcluded:
        "Everything in the order is excluded from this code."
        "Alles in der Bestellung ist von diesem Code ausgenommen."
        "Vše v objednávce je z tohoto kódu vyloučeno.";
    RegionNotEligible:
        "This code is not valid in this region."
        "In dieser Region gilt der Code nicht."
        "V této oblasti kód neplatí.";
    DateNotEligible:
        "This code is not valid for this date."
        "Für dieses Datum gilt der Code nicht."
        "Pro toto datum kód neplatí.";
    AmountBelowMin:
        "The order is below the minimum amount for this code."
        "Der Mindestbetrag für diesen Code ist nicht erreicht."
        "Objednávka nedosahuje minimální částky pro tento kód.";
    AmountAboveMax:
        "The order is above the maximum amount for this code."
        "Die Bestellung übersteigt den Höchstbetrag für diesen Code."
        "Objednávka překračuje maximální částku pro tento kód.";
    QuantityOutOfRange:
        "The quantity does not fit this code."
        "Die Menge passt nicht zu diesem Code."
        "Množství neodpovídá podmínkám kódu.";
    CurrencyMismatch:
        "This code is not valid in this currency."
        "In dieser Währung gilt der Code nicht."
        "V této měně kód neplatí.";
    TriggerNotEligible:
        "This code is not valid for this occasion."
        "Für diesen Anlass gilt der Code nicht."
        "Pro tuto příležitost kód neplatí.";
    SlotNotAccepted:
        "This code is not accepted for this date or service."
        "Für diesen Termin wird der Code nicht angenommen."
        "Pro tento termín kód nepřijímáme.";
    CodeRequired:
        "A code is needed for this booking."
        "Für diese Buchung ist ein Code nötig."
        "K této rezervaci je potřeba kód.";
    AlreadyApplied:
        "This code has been entered already."
        "Dieser Code ist bereits eingegeben."
        "Tento kód je již zadán.";
    TooManyCodes:
        "No more codes can be added to this order."
        "Zu dieser Bestellung passt kein weiterer Code."
        "K této objednávce už nelze přidat další kód.";
    NotCombinable:
        "This code cannot be combined with another one in the order."
        "Dieser Code ist mit einem anderen der Bestellung nicht kombinierbar."
        "Tento kód nelze kombinovat s jiným kódem v objednávce.";
    StoppedByPriority:
        "Another code rules out any further one."
        "Ein anderer Code schließt weitere aus."
        "Jiný kód vylučuje použití dalších.";
    BetterOffer:
        "Another code is the better offer."
        "Ein anderer Code ist günstiger."
        "Jiný kód je výhodnější.";
    NoEffect:
        "This code would change nothing in this order."
        "Dieser Code würde an der Bestellung nichts ändern."
        "Tento kód by na objednávce nic nezměnil.";
    AlreadyRedeemed:
        "This code has already been used."
        "Dieser Code wurde bereits eingelöst."
        "Tento kód již byl uplatněn.";
    UsageLimit:
        "This code is used up."
        "Dieser Code ist aufgebraucht."
        "Tento kód je již vyčerpán.";
    CampaignLimit:
        "This offer is used up."
        "Dieses Angebot ist ausgeschöpft."
        "Tato nabídka je vyčerpána.";
    CustomerLimit:
        "This customer has used the offer as often as allowed."
        "Dieser Kunde hat das Angebot schon so oft wie möglich genutzt."
        "Tento zákazník již nabídku vyčerpal.";
    PeriodLimit:
        "The limit for this period has been reached."
        "Für diesen Zeitraum ist das Limit erreicht."
        "Limit pro toto období je vyčerpán.";
    BudgetExhausted:
        "The budget of this offer is exhausted."
        "Das Budget dieses Angebots ist aufgebraucht."
        "Rozpočet této nabídky je vyčerpán.";
    UnitsExceedRemaining:
        "There are not that many uses left."
        "So viele Nutzungen sind nicht mehr übrig."
        "Tolik použití už nezbývá.";
    UnitsOutOfRange:
        "This number is not allowed at once."
        "Diese Anzahl ist auf einmal nicht zulässig."
        "Tento počet najednou není povolen.";
    Held:
        "Reserved at the moment. Please try again shortly."
        "Gerade reserviert. Bitte gleich noch einmal versuchen."
        "Právě rezervováno. Zkuste to prosím za chvíli.";
    TooSoon:
        "Used only just now. Please wait a little."
        "Gerade erst benutzt. Bitte etwas warten."
        "Použito před chvílí. Prosím počkejte.";
    ExitRequired:
        "Already inside. Please leave first."
        "Bereits drinnen. Bitte erst hinausgehen."
        "Vstup již proběhl. Nejprve je nutné odejít.";
    EntryRequired:
        "No entry recorded. Please enter first."
        "Kein Eintritt erfasst. Bitte erst eintreten."
        "Vstup nebyl zaznamenán. Nejprve je nutné vstoupit.";
    WrongZone:
        "Recorded in another area."
        "In einem anderen Bereich erfasst."
        "Zaznamenáno v jiné zóně.";
    BalanceEmpty:
        "The balance is empty."
        "Das Guthaben ist aufgebraucht."
        "Zůstatek je vyčerpán.";
    BalanceInsufficient:
        "The balance is not sufficient."
        "Das Guthaben reicht nicht aus."
        "Zůstatek nestačí.";
    PointsInsufficient:
        "There are not enough points."
        "Die Punkte reichen nicht aus."
        "Bodů není dost.";
    BalanceCap:
        "The maximum balance would be exceeded."
        "Das Höchstguthaben würde überschritten."
        "Byl by překročen maximální zůstatek.";
    HoldNotFound:
        "This reservation is unknown."
        "Diese Reservierung ist unbekannt."
        "Tuto rezervaci neznáme.";
    HoldExpired:
        "This reservation has expired."
        "Diese Reservierung ist abgelaufen."
        "Platnost rezervace vypršela.";
    RedemptionNotFound:
        "This redemption is unknown."
        "Diese Einlösung ist unbekannt."
        "Toto uplatnění neznáme.";
    AlreadyReleased:
        "This has already been given back."
        "Das wurde bereits zurückgegeben."
        "Toto již bylo vráceno.";
    ReleaseExceeds:
        "No more can be given back than was used."
        "Mehr als genutzt wurde, kann nicht zurückgegeben werden."
        "Nelze vrátit více, než bylo využito.";
    ConfirmExceeds:
        "No more can be confirmed than was reserved."
        "Mehr als reserviert wurde, kann nicht bestätigt werden."
        "Nelze potvrdit více, než bylo rezervováno.";
    IdMismatch:
        "This request number was already used for something else."
        "Diese Vorgangsnummer wurde schon für etwas anderes verwendet."
        "Toto číslo požadavku již bylo použito pro něco jiného.";
    RateLimited:
        "Too many requests. Please wait a moment."
        "Zu viele Anfragen. Bitte einen Moment warten."
        "Příliš mnoho požadavků. Chvíli prosím počkejte.";
    LockedOut:
        "Locked after too many wrong codes. Please try again later."
        "Nach zu vielen falschen Codes gesperrt. Bitte später versuchen."
        "Zablokováno kvůli chybným kódům. Zkuste to prosím později.";
    Busy:
        "Very busy just now. Please try again."
        "Gerade sehr viel los. Bitte noch einmal versuchen."
        "Systém je právě vytížen. Zkuste to prosím znovu.";
    Unavailable:
        "Not available at the moment. Please try again."
        "Zurzeit nicht erreichbar. Bitte noch einmal versuchen."
        "Služba je momentálně nedostupná. Zkuste to prosím znovu.";
    NotPermitted:
        "You are not allowed to do this."
        "Dazu fehlt die Berechtigung."
        "K této akci nemáte oprávnění.";
    NotApplicable:
        "This code cannot be used here."
        "Dieser Code kann hier nicht verwendet werden."
        "Tento kód zde nelze použít.";
}
