#!lua name=jeton_4

-- The book in Redis: the mirror of `domain::book`, line by line where it matters.
--
-- Everything lives in partitions. The keys of partition 7 carry the hash tag {j7}; what follows
-- the tag says what they hold:
--
--   m        the fence: 32 hexadecimal digits of the epoch, then the number of the last event
--   o OWNER  an owner's record: {ids, entries, holds}
--   r ID     a receipt
--   s ID     what a posting of another partition has here (Cluster): a receipt of its own
--   e        the events, one stream entry for those of one call; its id is the last one's number
--   h        open holds by their end (sorted set)
--   k OWNER FACET   open holds on one key by their end; a member is the id and what it keeps
--   i OWNER  ids of older postings of an owner, the newest last, once more for what happened to one
--            later (list)
--   l OWNER  the same of up to version 3 (sorted set by time)
--   p        postings whose other partitions have not all followed yet (sorted set; Cluster)
--   a ID     the attempt at a posting that was given up (Cluster)
--   c ID     the partition in which the posting with this id is (Cluster)
--
-- An owner's record: ids are the newest posting ids, 16 bytes each. Entries are found by a letter
-- and the facet's 8 bytes:
--
--   c  counter   {used, keep_until}
--   r  register  {value, event, keep_until}   a moment is a number, a zone 8 bytes
--   b  balance   {earned, taken, lapsed, {amount, moments, amount, moments, ...}, debt}
--
-- The moments of a lot are its end, or {end, when it can be spent} when that is not at once.
-- holds are found by the facet: {kept, earning, first_end, count, prepared}, or `false` without
-- any; prepared is the part of kept that is only kept until a posting is decided (Cluster).
-- `false` stands for whatever is absent, "never" and "no limit" included.
--
-- A receipt: {fingerprint, state, size, confirmed, released, until, first_until, at, event,
-- confirm, legs, results, note, releases, spread, gone}. Legs are kept packed as they came. Spread
-- is {step, attempt, other partitions, step that all have followed, credits in other partitions
-- that are not closed, event of the confirm or release that the last step is of, or 0}, or `false`
-- when all is here; in what `s` holds it is {home, attempt, step, lapsed, short, after, the last
-- step's moment}. Gone are the legs that were given back by themselves: 8 bytes, the first leg in
-- the last bit, or `false`.
-- A release: {id, part, given, at, event, lapsed, short, after}, and with a credit its leg, packed,
-- and the result. A part is `false` for all, a number, or legs as in gone.
--
-- What was added to these layouts stands last; where it is missing, nothing is meant.
--
-- Events are written down in one partition: with Cluster in the one that the call is for, otherwise
-- in partition 0, so that they have one order. (Up to version 2 those of each posting were in the
-- partition of its receipt, where they still are found.) An event's number is the count in its
-- partition, times the number of partitions, plus the partition: unique, and without gaps in each
-- partition.
--
-- Numbers are doubles: everything that is counted stays below 10^15, which the book enforces.

local AMOUNT_MAX = 1000000000000000
local LOTS_MAX = 256
local RELEASES_MAX = 64
local HOLDS_LOOKED_AT_MAX = 64
local IDS_MAX = 4

local HELD, REDEEMED, RELEASED, EXPIRED = 1, 2, 3, 4
local REDEEMED_EVENT, HELD_EVENT, CONFIRMED_EVENT = 1, 2, 3
local RELEASED_EVENT, EXTENDED_EVENT, EXPIRED_EVENT, FOLLOWED_EVENT = 4, 5, 6, 7

-- A posting is given up when it was not decided so many milliseconds after it was begun.
local PREPARED_MS = 10000

-- How long it is remembered that an attempt was given up: longer than any message travels.
local GIVEN_UP_MS = 86400000

-- Letters of entries.
local COUNTER, REGISTER = 99, 114

-- Letters of keys.
local OWNER, RECEIPT = 111, 114

-- Places in a receipt.
local FINGERPRINT, STATE, SIZE, GIVEN, BACK, UNTIL, FIRST_UNTIL = 1, 2, 3, 4, 5, 6, 7
local AT, EVENT, CONFIRM, LEGS, RESULTS, NOTE, RELEASES, SPREAD = 8, 9, 10, 11, 12, 13, 14, 15
local GONE = 16

-- Kinds of legs, and their places: {kind, owner, entry, ...}.
local COUNT, ONCE, INTERVAL, ZONE, SPEND, EARN = 1, 2, 3, 4, 5, 6

-- Bound in `begin`: while the library is loaded there is nothing to call.
local call, pack, unpacked, byte, sub, concat, fmod

-- What one call works on; set by `begin`, gone after it.
local partitions, only, clock
local tags, owners, receipts, subs, legs_of
local dirty_owners, dirty_receipts, dirty_subs, touched
local keys_of_owners, keys_of_receipts, secured, packed_of
local named, stored, foreseen
-- The partition of the events, how many were there, and pieces of those that come.
local log, counted, events

local function fail(text)
  error({ err = text })
end

------------------------------------------------------------------------------------------------
-- Keys and records

local function partition_of(name)
  local high, low = byte(name, 15, 16)
  return (high * 256 + low) % partitions
end

local function tag(partition)
  local known = tags[partition]
  if not known then
    known = '{j' .. partition .. '}'
    tags[partition] = known
  end
  return known
end

-- Where the receipt of a posting is.
local function home_of(id)
  return only or partition_of(id)
end

-- In Cluster, a call sees one partition; the legs of other ones are not its business.
local function is_foreign(owner)
  return only and partition_of(owner) ~= only
end

local function keep_until_of(entry, value)
  local letter = byte(entry)
  return letter == COUNTER and value[2] or letter == REGISTER and value[3]
end

local function receipt_from(value)
  return value and unpacked(value) or false
end

-- An owner's record as it was stored, without the entries whose period is over.
local function owner_from(value)
  if not value then
    return { '', {}, false }
  end
  local owned = unpacked(value)
  for entry, known in pairs(owned[2]) do
    local keep_until = keep_until_of(entry, known)
    if keep_until and keep_until <= clock then
      owned[2][entry] = nil
    end
  end
  return owned
end

-- The fence: without the epoch of this installation nothing is read or written. The last keys may
-- be left to whoever knows their places.
local function begin(keys, epoch, count, one, now, left)
  call, pack, unpacked = redis.call, cmsgpack.pack, cmsgpack.unpack
  byte, sub, concat, fmod = string.byte, string.sub, table.concat, math.fmod
  partitions, only, clock = count, one, now
  tags, owners, receipts, subs, legs_of = {}, {}, {}, {}, {}
  dirty_owners, dirty_receipts, dirty_subs, touched = {}, {}, {}, {}
  keys_of_owners, keys_of_receipts, secured, packed_of = {}, {}, {}, {}
  local values = call('MGET', unpack(keys))
  named, stored, foreseen = keys, values, {}
  log, events = one or 0, {}
  local fences = one and 1 or count
  for place = 1, fences do
    local partition, value = one or place - 1, values[place]
    if not value or sub(value, 1, 32) ~= epoch then
      fail('NOEPOCH partition ' .. partition .. (value and ' has another epoch' or ' is empty'))
    end
    if partition == log then
      counted = tonumber(sub(value, 33))
    end
  end
  -- All other keys end with a letter and a name of 16 bytes.
  for place = fences + 1, #keys - (left or 0) do
    local key, value = keys[place], values[place]
    local letter, name = byte(key, -17), sub(key, -16)
    if letter == OWNER then
      owners[name] = owner_from(value)
      keys_of_owners[name] = key
    elseif letter == RECEIPT then
      receipts[name] = receipt_from(value)
      keys_of_receipts[name] = key
    end
  end
end

-- Reads what was left.
local function read_owner(place)
  local owner = sub(named[place], -16)
  if owners[owner] == nil then
    owners[owner] = owner_from(stored[place])
  end
end

local function read_receipt(place)
  local id = sub(named[place], -16)
  if receipts[id] == nil then
    receipts[id] = receipt_from(stored[place])
  end
  return id
end

local function owner_record(owner)
  local record = owners[owner]
  if not record then
    local value = call('GET', tag(partition_of(owner)) .. 'o' .. owner)
    record = owner_from(value)
    owners[owner] = record
  end
  return record
end

local function receipt_of(id)
  local receipt = receipts[id]
  if receipt == nil then
    local value = call('GET', tag(home_of(id)) .. 'r' .. id)
    receipt = receipt_from(value)
    receipts[id] = receipt
  end
  return receipt
end

local function sub_of(id)
  local receipt = subs[id]
  if receipt == nil then
    local value = call('GET', tag(only) .. 's' .. id)
    receipt = receipt_from(value)
    subs[id] = receipt
  end
  return receipt
end

local function legs_in(receipt)
  local legs = legs_of[receipt]
  if not legs then
    legs = unpacked(receipt[LEGS])
    legs_of[receipt] = legs
  end
  return legs
end

local function save_receipt(id, receipt)
  receipts[id] = receipt
  dirty_receipts[id] = true
  packed_of[receipt] = nil
end

-- A receipt as it is stored and told, packed once.
local function packed_receipt(receipt)
  local packed = packed_of[receipt]
  if not packed then
    packed = pack(receipt)
    packed_of[receipt] = packed
  end
  return packed
end

local function live_of(receipt)
  local state = receipt[STATE]
  if state == HELD then
    return receipt[SIZE] - receipt[BACK]
  elseif state == REDEEMED then
    return receipt[GIVEN] - receipt[BACK]
  end
  return 0
end

-- Whether the leg at a place is among those that 8 bytes name.
local function names(legs, place)
  local bit = (place - 1) % 8
  local value = byte(legs, 8 - (place - 1 - bit) / 8)
  return math.floor(value / 2 ^ bit) % 2 == 1
end

-- Whether a leg was not given back by itself.
local function in_force(receipt, place)
  return not receipt[GONE] or not names(receipt[GONE], place)
end

-- The legs in force that `wanted` names, or nil without any; and whether they are all.
local function legs_among(receipt, wanted)
  local bytes, found, all = { 0, 0, 0, 0, 0, 0, 0, 0 }, false, true
  for place = 1, #legs_in(receipt) do
    if in_force(receipt, place) then
      if names(wanted, place) then
        local bit = (place - 1) % 8
        local at = 8 - (place - 1 - bit) / 8
        bytes[at] = bytes[at] + 2 ^ bit
        found = true
      else
        all = false
      end
    end
  end
  return found and string.char(unpack(bytes)) or nil, all
end

-- The legs that one of two names; both name none together.
local function with_legs(gone, more)
  if not gone then
    return more
  end
  local bytes = {}
  for place = 1, 8 do
    bytes[place] = byte(gone, place) + byte(more, place)
  end
  return string.char(unpack(bytes))
end

-- Notes that a record changed, so that the next event carries it.
local function touch(owner, entry)
  dirty_owners[owner] = true
  for place = 1, #touched, 2 do
    if touched[place] == owner and touched[place + 1] == entry then
      return
    end
  end
  touched[#touched + 1] = owner
  touched[#touched + 1] = entry
end

local function write(owner, entry, value)
  owner_record(owner)[2][entry] = value
  touch(owner, entry)
end

local function held_of(owner, facet)
  local holds = owner_record(owner)[3]
  return holds and holds[facet] or nil
end

local function held(owner, entry)
  local holds = owner_record(owner)[3]
  holds = holds and holds[sub(entry, 2)]
  return holds and holds[1] or 0
end

-- What is kept of a counter or balance only until a posting is decided.
local function prepared(owner, entry)
  local holds = owner_record(owner)[3]
  holds = holds and holds[sub(entry, 2)]
  return holds and holds[5] or 0
end

local function earning(owner, entry)
  local holds = owner_record(owner)[3]
  holds = holds and holds[sub(entry, 2)]
  return holds and holds[2] or 0
end

local function next_number()
  counted = counted + 1
  return counted * partitions + log
end

-- Writes down what happened, with all records touched since the last event.
local function record(kind, id, at)
  local number = next_number()
  local changes = {}
  for place = 1, #touched, 2 do
    local owner, entry = touched[place], touched[place + 1]
    local value = owner_record(owner)[2][entry] or false
    changes[#changes + 1] = { owner, entry, value, value and held(owner, entry) or 0 }
  end
  touched = {}
  events[#events + 1] = pack({ number, at, kind, id, changes })
  return number
end

local function next_event()
  return (counted + 1) * partitions + log
end

-- While a slot of a cluster is moving, a key that has gone makes its command fail, in the middle of
-- a function. So before anything is written for a posting, every key that may be is looked at: what
-- fails then has done nothing.
local function secure(id, legs)
  if not only then
    return
  end
  local here = tag(only)
  local keys = { here .. 'm', here .. 'e', here .. 'h', here .. 'p', here .. 'r' .. id,
    here .. 's' .. id }
  for _, leg in ipairs(legs) do
    if not is_foreign(leg[2]) then
      keys[#keys + 1] = here .. 'o' .. leg[2]
      keys[#keys + 1] = here .. 'i' .. leg[2]
      keys[#keys + 1] = here .. 'k' .. leg[2] .. sub(leg[3], 2)
      if leg[1] == ONCE then
        keys[#keys + 1] = here .. 'o' .. leg[7]
      end
    end
  end
  for _, key in ipairs(keys) do
    if not secured[key] then
      call('EXISTS', key)
      secured[key] = true
    end
  end
end

------------------------------------------------------------------------------------------------
-- Amounts, counters, balances

-- How much of `n` is in force when `q` of `size` are: n * q / size, rounded up.
local function share(n, q, size)
  if q >= size then
    return n
  end
  local product = n * q
  if product < 9007199254740992 then
    local rest = fmod(product, size)
    local whole = (product - rest) / size
    return rest > 0 and whole + 1 or whole
  end
  -- Bit by bit, because the product does not fit into a double.
  local whole, rest, bit = 0, 0, 1125899906842624
  while bit >= 1 do
    whole, rest = whole * 2, rest * 2
    if n >= bit then
      n = n - bit
      rest = rest + q
    end
    while rest >= size do
      rest = rest - size
      whole = whole + 1
    end
    bit = bit / 2
  end
  return rest > 0 and whole + 1 or whole
end

local function used(owner, entry)
  local counter = owner_record(owner)[2][entry]
  return counter and counter[1] or 0
end

-- What a register holds for a command of `now`.
local function register(owner, entry, now)
  local value = owner_record(owner)[2][entry]
  if value and value[3] and value[3] <= now then
    return nil
  end
  return value
end

-- A marker, if it is set for a command of `now` and not over.
local function marker_at(owner, entry, now)
  local value = owner_record(owner)[2][entry]
  if not value or value[1] == 0 or value[2] and value[2] <= now then
    return nil
  end
  return value
end

local function in_lots(balance)
  local sum = 0
  for place = 1, #balance[4], 2 do
    sum = sum + balance[4][place]
  end
  return sum
end

-- When a lot ends, and from when on it can be spent.
local function both(moments)
  if type(moments) == 'table' then
    return moments[1], moments[2]
  end
  return moments, false
end

-- The moments of what a leg earns.
local function moments_of(leg)
  return leg[10] and { leg[5], leg[10] } or leg[5]
end

local function is_over(moments, now)
  local expires = both(moments)
  return expires and expires <= now
end

local function can_be_spent(moments, now)
  local expires, from = both(moments)
  return not (expires and expires <= now) and not (from and from > now)
end

local function is_same_lot(one, other)
  local one_end, one_from = both(one)
  local other_end, other_from = both(other)
  return one_end == other_end and one_from == other_from
end

-- In the order of lots: by their end, "never" last, then by when they can be spent.
local function comes_before(one, other)
  local one_end, one_from = both(one)
  local other_end, other_from = both(other)
  if one_end ~= other_end then
    return one_end and (not other_end or one_end < other_end)
  end
  return other_from and (not one_from or one_from < other_from)
end

local function available(balance, now)
  local sum, lots = 0, balance[4]
  for place = 1, #lots, 2 do
    if can_be_spent(lots[place + 1], now) then
      sum = sum + lots[place]
    end
  end
  return sum
end

-- What can be spent now or later.
local function standing_in_lots(balance, now)
  local sum, lots = 0, balance[4]
  for place = 1, #lots, 2 do
    if not is_over(lots[place + 1], now) then
      sum = sum + lots[place]
    end
  end
  return sum
end

local function add_lot(balance, amount, moments)
  if amount == 0 then
    return
  end
  local lots = balance[4]
  local place = 1
  while place < #lots do
    local other = lots[place + 1]
    if is_same_lot(other, moments) then
      lots[place] = lots[place] + amount
      return
    end
    if comes_before(moments, other) then
      break
    end
    place = place + 2
  end
  table.insert(lots, place, moments)
  table.insert(lots, place, amount)
end

-- Keeps the lots for which `keeps` says so.
local function retain(balance, keeps)
  local lots = {}
  for place = 1, #balance[4], 2 do
    local amount, moments = balance[4][place], balance[4][place + 1]
    if keeps(amount, moments) then
      lots[#lots + 1] = amount
      lots[#lots + 1] = moments
    end
  end
  balance[4] = lots
end

-- Pays what is owed out of what comes in; says what is left of it.
local function pay(balance, amount)
  local paid = math.min(balance[5], amount)
  balance[5] = balance[5] - paid
  return amount - paid
end

local function put_in(balance, amount, moments)
  balance[1] = balance[1] + amount
  add_lot(balance, pay(balance, amount), moments)
end

-- A copy of the balance, or the one it begins with.
local function open_balance(owner, entry, opening, expires)
  local known = owner_record(owner)[2][entry]
  local balance = { 0, 0, 0, {}, 0 }
  if known then
    balance = { known[1], known[2], known[3], {}, known[5] or 0 }
    for place = 1, #known[4] do
      balance[4][place] = known[4][place]
    end
  elseif opening then
    put_in(balance, opening, expires)
  end
  return balance
end

-- Writes down the lots whose end has come.
local function lapse(balance, now)
  local over = in_lots(balance) - standing_in_lots(balance, now)
  retain(balance, function(_, moments) return not is_over(moments, now) end)
  balance[3] = balance[3] + over
end

local function is_left(amount)
  return amount > 0
end

-- Takes up to `amount` of what can be spent, from the lot that ends first; says what from which
-- lots.
local function spend(balance, amount, now)
  local left, parts, lots = amount, {}, balance[4]
  for place = 1, #lots, 2 do
    local part = math.min(lots[place], left)
    if part > 0 and can_be_spent(lots[place + 1], now) then
      lots[place] = lots[place] - part
      left = left - part
      parts[#parts + 1] = part
      parts[#parts + 1] = lots[place + 1]
    end
  end
  retain(balance, is_left)
  balance[2] = balance[2] + amount - left
  return parts
end

-- Gives back what lies between `keep` and `had`, to lots with their original moments.
local function give_back(balance, parts, had, keep, now)
  local first, lapsed = 0, 0
  for place = 1, #parts, 2 do
    local last, moments = first + parts[place], parts[place + 1]
    local back = math.max(math.min(last, had) - math.max(first, keep), 0)
    first = last
    if back > 0 then
      balance[2] = balance[2] - back
      local rest = pay(balance, back)
      if is_over(moments, now) then
        balance[3] = balance[3] + rest
        lapsed = lapsed + rest
      else
        add_lot(balance, rest, moments)
      end
    end
  end
  return lapsed
end

-- Takes back what was put in, first from the lot of these moments; says how much was not there.
local function take_back(balance, amount, moments, is_debt)
  local left, lots = amount, balance[4]
  for place = 1, #lots, 2 do
    if is_same_lot(lots[place + 1], moments) then
      local part = math.min(lots[place], left)
      lots[place] = lots[place] - part
      left = left - part
      break
    end
  end
  for place = 1, #lots, 2 do
    local part = math.min(lots[place], left)
    lots[place] = lots[place] - part
    left = left - part
  end
  retain(balance, is_left)
  if is_debt then
    balance[1] = balance[1] - amount
    balance[5] = balance[5] + left
  else
    balance[1] = balance[1] - (amount - left)
  end
  return left
end

------------------------------------------------------------------------------------------------
-- Holds

-- What the legs of a hold keep of each of its keys: {owner, facet, kept, earning}.
local function kept_by(receipt)
  local live, size = live_of(receipt), receipt[SIZE]
  local kept = {}
  local results = receipt[RESULTS]
  for place, leg in ipairs(legs_in(receipt)) do
    if not is_foreign(leg[2]) and in_force(receipt, place) then
      local kind, owner, facet = leg[1], leg[2], sub(leg[3], 2)
      local amount, coming = 0, 0
      if kind == COUNT or kind == SPEND then
        amount = share(results[place][1], live, size)
      elseif kind == EARN then
        coming = share(results[place][1], live, size)
      end
      local found
      for _, other in ipairs(kept) do
        if other[1] == owner and other[2] == facet then
          found = other
        end
      end
      if found then
        found[3], found[4] = found[3] + amount, found[4] + coming
      else
        kept[#kept + 1] = { owner, facet, amount, coming }
      end
    end
  end
  return kept
end

local function holds_key(owner, facet)
  return tag(partition_of(owner)) .. 'k' .. owner .. facet
end

local function open_hold(id, receipt, is_prepared)
  local ends = receipt[UNTIL]
  call('ZADD', tag(home_of(id)) .. 'h', ends, id)
  for _, kept in ipairs(kept_by(receipt)) do
    local owner, facet = kept[1], kept[2]
    local owned = owner_record(owner)
    owned[3] = owned[3] or {}
    local holds = owned[3][facet]
    if holds then
      holds[1], holds[2] = holds[1] + kept[3], holds[2] + kept[4]
      holds[3], holds[4] = math.min(holds[3], ends), holds[4] + 1
    else
      holds = { kept[3], kept[4], ends, 1, 0 }
      owned[3][facet] = holds
    end
    if is_prepared then
      holds[5] = holds[5] + kept[3]
    end
    dirty_owners[owner] = true
    call('ZADD', holds_key(owner, facet), ends, id .. string.format('%.0f', kept[3]))
  end
end

-- `receipt` is as it was while it was held.
local function close_hold(id, receipt, is_prepared)
  if not receipt[UNTIL] then
    return
  end
  call('ZREM', tag(home_of(id)) .. 'h', id)
  for _, kept in ipairs(kept_by(receipt)) do
    local owner, facet = kept[1], kept[2]
    local owned = owner_record(owner)
    local holds = owned[3] and owned[3][facet]
    local key = holds_key(owner, facet)
    call('ZREM', key, id .. string.format('%.0f', kept[3]))
    if holds then
      holds[1] = math.max(holds[1] - kept[3], 0)
      holds[2] = math.max(holds[2] - kept[4], 0)
      holds[4] = holds[4] - 1
      if is_prepared then
        holds[5] = math.max(holds[5] - kept[3], 0)
      end
      if holds[4] <= 0 then
        owned[3][facet] = nil
        if next(owned[3]) == nil then
          owned[3] = false
        end
      elseif holds[3] == receipt[UNTIL] then
        holds[3] = tonumber(call('ZRANGE', key, 0, 0, 'WITHSCORES')[2])
      end
      dirty_owners[owner] = true
    end
  end
end

-- How long until holds that keep at least `needed` have ended; `false` when they never do.
local function retry_after(owner, entry, needed, now)
  local holds = held_of(owner, sub(entry, 2))
  if not holds or needed > holds[1] then
    return false
  end
  local freed, last = 0, now
  local after = '(' .. string.format('%.0f', now)
  local found = call('ZRANGEBYSCORE', holds_key(owner, sub(entry, 2)), after, '+inf', 'WITHSCORES',
    'LIMIT', 0, HOLDS_LOOKED_AT_MAX)
  for place = 1, #found, 2 do
    freed = freed + tonumber(sub(found[place], 17))
    last = tonumber(found[place + 1])
    if freed >= needed then
      break
    end
  end
  return last - now
end

------------------------------------------------------------------------------------------------
-- Guards

local function is_same(leg, owner, entry)
  return leg[3] == entry and leg[2] == owner
end

-- Whether the marker of the leg at a place is set, or will be by an earlier leg.
local function is_marked(legs, place, now)
  local owner, marker = legs[place][7], legs[place][8]
  if marker_at(owner, marker, now) then
    return true
  end
  for earlier = 1, place - 1 do
    local leg = legs[earlier]
    if leg[1] == ONCE and leg[7] == owner and leg[8] == marker and not is_over(leg[6], now) then
      return true
    end
  end
  return false
end

-- What earlier legs of the same posting count on a counter.
local function pending(legs, before, owner, entry, now)
  local sum = 0
  for place = 1, before do
    local leg = legs[place]
    if is_same(leg, owner, entry) then
      if leg[1] == COUNT then
        sum = sum + leg[4]
      elseif leg[1] == ONCE and not is_marked(legs, place, now) then
        sum = sum + leg[4]
      end
    end
  end
  return sum
end

-- What earlier legs of the same posting spend from, or put into, a balance.
local function moved(legs, before, kind, owner, entry)
  local sum = 0
  for place = 1, before do
    local leg = legs[place]
    if leg[1] == kind and is_same(leg, owner, entry) then
      sum = sum + leg[4]
    end
  end
  return sum
end

local function check_count(legs, place, leg, now)
  local owner, entry, limit = leg[2], leg[3], leg[5]
  if not limit or limit > AMOUNT_MAX then
    limit = AMOUNT_MAX
  end
  local taken, kept = used(owner, entry), held(owner, entry)
  local asked = taken + pending(legs, place - 1, owner, entry, now) + leg[4]
  if asked + kept <= limit then
    return nil
  end
  if asked + kept - prepared(owner, entry) <= limit then
    return { 0 }
  end
  local retry = false
  if asked <= limit then
    retry = retry_after(owner, entry, asked + kept - limit, now)
  end
  return { 1, place - 1, taken, kept, retry }
end

local function check_spend(legs, place, leg, now)
  local owner, entry, amount = leg[2], leg[3], leg[4]
  local balance = open_balance(owner, entry, leg[6], leg[7])
  local left = available(balance, now) - moved(legs, place - 1, SPEND, owner, entry)
  left = math.max(left, 0)
  local needed = leg[5] and amount or 1
  if left >= needed then
    return nil
  end
  -- What holds give back pays a debt first.
  local missing = needed + balance[5] - left
  if prepared(owner, entry) >= missing then
    return { 0 }
  end
  local kept = held(owner, entry)
  local retry = false
  if kept >= missing then
    retry = retry_after(owner, entry, missing, now)
  end
  return { 1, place - 1, left, kept, retry }
end

local function has_room(balance, moments, now)
  local live, lots = 0, balance[4]
  for place = 1, #lots, 2 do
    if not is_over(lots[place + 1], now) then
      live = live + 1
      if is_same_lot(lots[place + 1], moments) then
        return true
      end
    end
  end
  return live < LOTS_MAX
end

local function check_earn(legs, place, leg, now)
  local owner, entry, amount, cap = leg[2], leg[3], leg[4], leg[6]
  local balance = open_balance(owner, entry, leg[8], leg[9])
  if not has_room(balance, moments_of(leg), now) then
    return { 5, place - 1 }
  end
  local coming = earning(owner, entry) + moved(legs, place - 1, EARN, owner, entry)
  local earned = balance[1] + coming
  if earned + amount > AMOUNT_MAX then
    return { 4, place - 1, earned, false }
  end
  local spent = moved(legs, place - 1, SPEND, owner, entry)
  local standing = math.max(standing_in_lots(balance, now) - spent, 0) + held(owner, entry) + coming
  if cap and leg[7] and standing + amount > cap then
    return { 4, place - 1, standing, cap }
  end
  return nil
end

-- Checks the guards in their order; what comes back is the first that fails. {0} is one that only
-- a posting on its way makes fail: it is too early to say.
local function check(legs, now)
  for place, leg in ipairs(legs) do
    local kind, owner, entry = leg[1], leg[2], leg[3]
    local blocked
    if is_foreign(owner) then
      blocked = nil
    elseif kind == COUNT then
      blocked = check_count(legs, place, leg, now)
    elseif kind == ONCE then
      if not is_marked(legs, place, now) then
        blocked = check_count(legs, place, leg, now)
      end
    elseif kind == INTERVAL then
      local last = register(owner, entry, now)
      if last and leg[4] > 0 and last[1] + leg[4] > now then
        blocked = { 2, place - 1, last[1] + leg[4] - now }
      end
    elseif kind == ZONE then
      local at = register(owner, entry, now)
      if at and at[1] ~= leg[4] or not at and not leg[5] then
        blocked = { 3, place - 1, at and at[1] or false }
      end
    elseif kind == SPEND then
      blocked = check_spend(legs, place, leg, now)
    else
      blocked = check_earn(legs, place, leg, now)
    end
    if blocked then
      return blocked
    end
  end
  return nil
end

------------------------------------------------------------------------------------------------
-- Legs taking effect, and being undone

local function count(owner, entry, n, keep_until)
  local known = owner_record(owner)[2][entry]
  if known then
    write(owner, entry, { known[1] + n, known[2] })
  else
    write(owner, entry, { n, keep_until })
  end
end

local function recount(owner, entry, before, after, keep_until)
  if before == 0 and after > 0 then
    count(owner, entry, after, keep_until)
    return
  end
  local known = owner_record(owner)[2][entry]
  if known then
    write(owner, entry, { math.max(known[1] - before, 0) + after, known[2] })
  end
end

-- When the marker is over nobody knows whether others shared it, so what it counted stays; and one
-- that was set later is of other postings.
local function unmark(leg, before, now)
  local known = marker_at(leg[7], leg[8], now)
  if not known or before and before[1] ~= known[2] then
    return
  end
  local postings = known[1]
  recount(leg[7], leg[8], 1, 0, false)
  if postings == 1 then
    recount(leg[2], leg[3], leg[4], 0, false)
  end
end

-- Puts back what a register held, unless somebody has set it since.
local function unset(owner, entry, before, event)
  local known = owner_record(owner)[2][entry]
  if not known or known[2] ~= event then
    return
  end
  write(owner, entry, before and { before[1], before[2], known[3] } or nil)
end

local function take_earn(legs, results, place, leg, is_held, now)
  local owner, entry, amount, cap = leg[2], leg[3], leg[4], leg[6]
  local balance = open_balance(owner, entry, leg[8], leg[9])
  lapse(balance, now)
  if cap and not leg[7] then
    local standing = in_lots(balance) + held(owner, entry)
    local room = math.max(math.max(cap - standing, 0) - earning(owner, entry), 0)
    if is_held then
      -- What earlier legs of the hold will earn is in no balance yet, but takes its room.
      for earlier = 1, place - 1 do
        if legs[earlier][1] == EARN and is_same(legs[earlier], owner, entry) then
          room = math.max(room - results[earlier][1], 0)
        end
      end
    end
    amount = math.min(room, amount)
  end
  if not is_held then
    put_in(balance, amount, moments_of(leg))
  end
  write(owner, entry, balance)
  return { amount, 0, false, false }
end

local function take(legs, results, place, leg, is_held, event, now)
  local kind, owner, entry = leg[1], leg[2], leg[3]
  if kind == COUNT then
    count(owner, entry, is_held and 0 or leg[4], leg[6])
    return { leg[4], 0, false, false }
  elseif kind == ONCE then
    local known = marker_at(leg[7], leg[8], now)
    local postings, keep_until = 0, leg[6]
    if known then
      postings, keep_until = known[1], known[2]
    end
    write(leg[7], leg[8], { postings + 1, keep_until })
    if not known then
      count(owner, entry, leg[4], leg[9] or false)
    end
    return { known and 0 or leg[4], 0, false, keep_until and { keep_until, 0 } }
  elseif kind == INTERVAL or kind == ZONE then
    local known = register(owner, entry, now)
    local before = known and { known[1], known[2] } or false
    if kind == INTERVAL and leg[5] and before then
      return { 0, 0, false, before }
    end
    local value, keep_until = now, false
    if kind == ZONE then
      value, keep_until = leg[6], leg[7]
    end
    write(owner, entry, { value, event, keep_until })
    return { 1, 0, false, before }
  elseif kind == SPEND then
    local balance = open_balance(owner, entry, leg[6], leg[7])
    lapse(balance, now)
    local wanted = leg[5] and leg[4] or math.min(leg[4], available(balance, now))
    local parts = spend(balance, wanted, now)
    local amount = 0
    for part = 1, #parts, 2 do
      amount = amount + parts[part]
    end
    write(owner, entry, balance)
    return { amount, 0, parts, false }
  end
  return take_earn(legs, results, place, leg, is_held, now)
end

local function take_all(legs, is_held, event, now)
  local results = {}
  for place, leg in ipairs(legs) do
    if is_foreign(leg[2]) then
      results[place] = { 0, 0, false, false }
    else
      results[place] = take(legs, results, place, leg, is_held, event, now)
    end
  end
  return results
end

local function settle_earn(leg, from_held, had, to_held, keeps, now)
  local owner, entry = leg[2], leg[3]
  local balance = open_balance(owner, entry, false, false)
  local short = 0
  lapse(balance, now)
  if from_held and not to_held then
    put_in(balance, keeps, moments_of(leg))
  elseif not from_held then
    short = take_back(balance, had - keeps, moments_of(leg), leg[11])
  end
  write(owner, entry, balance)
  return short
end

local function settle_leg(receipt, leg, result, from_held, from, to_held, to, now)
  local kind, owner, entry = leg[1], leg[2], leg[3]
  local had = share(result[1], from, receipt[SIZE])
  local keeps = share(result[1], to, receipt[SIZE])
  if kind == COUNT then
    if not is_over(leg[6], now) or owner_record(owner)[2][entry] then
      recount(owner, entry, from_held and 0 or had, to_held and 0 or keeps, leg[6])
    end
  elseif kind == ONCE then
    if to == 0 and from > 0 then
      unmark(leg, result[4], now)
    end
  elseif kind == INTERVAL or kind == ZONE then
    if to == 0 and from > 0 and result[1] > 0 then
      unset(owner, entry, result[4], result[5] or receipt[EVENT])
    end
  elseif kind == SPEND then
    local balance = open_balance(owner, entry, false, false)
    local lapsed = give_back(balance, result[3], had, keeps, now)
    lapse(balance, now)
    write(owner, entry, balance)
    return lapsed, 0
  else
    return 0, settle_earn(leg, from_held, had, to_held, keeps, now)
  end
  return 0, 0
end

-- Moves what is in force from one account and quantity to another: of the legs that `only` names,
-- or of all that are not gone. The last change is undone first; what was spent comes back before
-- what was earned is taken back.
local function settle(receipt, only, from_held, from, to_held, to, now)
  local legs, lapsed, short = legs_in(receipt), 0, 0
  for round = 1, 2 do
    for place = #legs, 1, -1 do
      local leg = legs[place]
      local counts = (leg[1] == EARN) == (round == 2) and not is_foreign(leg[2])
      if counts and in_force(receipt, place) and (not only or names(only, place)) then
        local more, less =
          settle_leg(receipt, leg, receipt[RESULTS][place], from_held, from, to_held, to, now)
        lapsed, short = lapsed + more, short + less
      end
    end
  end
  return lapsed, short
end

local function standing(leg, now)
  local kind, owner, entry = leg[1], leg[2], leg[3]
  if is_foreign(owner) then
    return 0
  elseif kind == COUNT or kind == ONCE then
    return used(owner, entry) + held(owner, entry)
  elseif kind == SPEND or kind == EARN then
    local balance = owner_record(owner)[2][entry]
    return balance and standing_in_lots(balance, now) or 0
  end
  return 0
end

local function standings(receipt, now)
  local after = {}
  for place, leg in ipairs(legs_in(receipt)) do
    after[place] = standing(leg, now)
  end
  return after
end

------------------------------------------------------------------------------------------------
-- Histories

-- Adds a posting to the history of the owners whose legs it has.
local function remember(id, legs)
  for _, leg in ipairs(legs) do
    local owner = leg[2]
    if not is_foreign(owner) then
      local owned = owner_record(owner)
      if not string.find(owned[1], id, 1, true) then
        owned[1] = owned[1] .. id
        dirty_owners[owner] = true
      end
    end
  end
end

-- An owner's record has room for a few ids; more of them leave it together.
local function move_history(owner, owned)
  local ids = owned[1]
  if #ids > IDS_MAX * 16 then
    local older = {}
    for first = 1, #ids, 16 do
      older[#older + 1] = sub(ids, first, first + 15)
    end
    call('RPUSH', tag(partition_of(owner)) .. 'i' .. owner, unpack(older))
    owned[1] = ''
  end
end

------------------------------------------------------------------------------------------------
-- Holds that are over

-- What a posting has in other partitions must follow what its home decided. `event` is that of the
-- confirm or release whose answer their part belongs to, or 0.
local function follow_later(id, receipt, event)
  local spread = receipt[SPREAD]
  if spread and #spread[3] > 0 then
    spread[1], spread[5], spread[6] = spread[1] + 1, spread[5] or {}, event
    call('ZADD', tag(home_of(id)) .. 'p', clock, id)
  end
end

local function expire(id, receipt, now)
  secure(id, legs_in(receipt))
  close_hold(id, receipt)
  settle(receipt, nil, true, live_of(receipt), true, 0, now)
  receipt[STATE] = EXPIRED
  follow_later(id, receipt, 0)
  record(EXPIRED_EVENT, id, now)
  remember(id, legs_in(receipt))
  save_receipt(id, receipt)
end

local function expire_if_over(id, now)
  local receipt = receipt_of(id)
  if receipt and receipt[STATE] == HELD and receipt[UNTIL] <= now then
    expire(id, receipt, now)
  end
end

-- Ends the holds on the legs' keys whose time is over. A hold of another partition is not ours to
-- end: it is told as a doubt, and the caller comes back when that is settled.
local function reclaim(legs, now)
  for _, leg in ipairs(legs) do
    local owner = leg[2]
    -- Nearly nothing is held, nearly always.
    if not is_foreign(owner) and owner_record(owner)[3] then
      local facet = sub(leg[3], 2)
      local holds = held_of(owner, facet)
      while holds and holds[3] <= now do
        local key = holds_key(owner, facet)
        local member = call('ZRANGE', key, 0, 0)[1]
        local id = member and sub(member, 1, 16)
        local receipt = id and receipt_of(id)
        if receipt and receipt[STATE] == HELD then
          expire(id, receipt, now)
        elseif id and only and sub_of(id) then
          return { id, sub_of(id)[SPREAD][1], sub_of(id)[SPREAD][2] }
        else
          -- Nobody holds it: only the index says so.
          call('ZREM', key, member or '')
          local first = call('ZRANGE', key, 0, 0, 'WITHSCORES')
          if first[2] then
            holds[3] = tonumber(first[2])
          else
            owner_record(owner)[3][facet] = nil
            dirty_owners[owner] = true
          end
        end
        holds = held_of(owner, facet)
      end
    end
  end
  return nil
end

------------------------------------------------------------------------------------------------
-- Commands. An answer is a letter and what belongs to it:
--   D and R  done and repeated, with the receipt      N  refused, with the reason
--   M  mismatch   U  unknown   L  looked              Q  in doubt: {id, home, attempt}
--   W  too early to say        X  given up            P  prepared, with the results
--   F  followed: {lapsed, short, after, what the      T  decided: {step, state, size, confirmed,
--      first leg did}                                    released, until, gone}
--   S  uses done as foreseen one after the other, with the first event's number, the step to the
--      next, how many; unless they are first uses, what the counter stood at after the first, and
--      by how much it goes on
-- A reason: {1, leg, used, held, retry} guard, {2, leg, retry} too soon, {3, leg, at} elsewhere,
-- {4, leg, balance, cap} cap, {5, leg} too many lots, {6} hold not found, {7} hold expired,
-- {8} not found, {9} already released, {10, left} release exceeds, {11, left} confirm exceeds.

local function refused(reason)
  if reason[1] == 0 then
    return { 'W' }
  end
  return { 'N', pack(reason) }
end

-- What stands in the way of legs, or nil: a doubt, or the first guard that fails once the holds
-- that are over have ended.
local function obstacle(legs, now)
  local doubt = reclaim(legs, now)
  if doubt then
    return { 'Q', doubt }
  end
  local blocked = check(legs, now)
  return blocked and refused(blocked)
end

local function done(receipt)
  return { 'D', receipt }
end

local function repeated(receipt)
  return { 'R', receipt }
end

local function confirm(id, part, now)
  expire_if_over(id, now)
  local receipt = receipt_of(id)
  if not receipt then
    return refused({ 6 })
  end
  if receipt[CONFIRM] then
    return receipt[CONFIRM][1] == part and repeated(receipt) or { 'M' }
  end
  local live, state = live_of(receipt), receipt[STATE]
  if state == REDEEMED then
    return refused({ 6 })
  elseif state == RELEASED then
    return refused({ 9 })
  elseif state == EXPIRED then
    return refused({ 7 })
  end
  local wanted = part or live
  if type(wanted) == 'string' or wanted == 0 or wanted > live then
    return refused({ 11, live })
  end
  secure(id, legs_in(receipt))
  -- From here it must succeed.
  close_hold(id, receipt)
  settle(receipt, nil, true, live, false, wanted, now)
  receipt[STATE] = REDEEMED
  receipt[GIVEN] = receipt[BACK] + wanted
  local after, event = standings(receipt, now), record(CONFIRMED_EVENT, id, now)
  follow_later(id, receipt, event)
  receipt[CONFIRM] = { part, now, event, after }
  remember(id, legs_in(receipt))
  save_receipt(id, receipt)
  return done(receipt)
end

-- What a part means of a receipt: {legs, what they keep, what is given of the size}, or a reason.
local function share_of(receipt, part)
  local live = live_of(receipt)
  if live == 0 then
    return nil, { 9 }
  end
  local share = { nil, 0, live }
  if type(part) == 'string' then
    local legs, all = legs_among(receipt, part)
    if not legs then
      return nil, { 9 }
    end
    share = { legs, 0, all and live or 0 }
  elseif part then
    if part == 0 or part > live then
      return nil, { 10, live }
    end
    share = { nil, live - part, part }
  end
  if #receipt[RELEASES] + 1 >= RELEASES_MAX and share[3] < live then
    return nil, { 10, live }
  end
  return share
end

local function given_up_key(id, attempt)
  return tag(only) .. 'a' .. id .. attempt
end

-- A credit that is prepared in another partition is decided with its release: under an id of its
-- own there is a receipt here for those who follow, until all have. Its note says which release it
-- is of, and it has no event.
local function decide_credit(receipt, id, c)
  local credit, attempt, partition, result = c[7][1], c[7][2], c[7][3], c[7][4]
  save_receipt(credit, {
    string.rep('\0', 8), REDEEMED, 1, 1, 0, false, false, c[5], 0, false, c[6], { result },
    id .. c[3], {}, { 1, attempt, { partition }, 0 }, false,
  })
  call('ZADD', tag(only) .. 'p', clock, credit)
  receipt[SPREAD] = receipt[SPREAD] or { 0, string.rep('\0', 8), {}, 0 }
  local open = receipt[SPREAD][5] or {}
  open[#open + 1] = credit
  receipt[SPREAD][5] = open
end

-- c: {4, id, release_id, part, now, credit, prepared}: a credit is a list of one leg, packed, or
-- absent. One for another partition must be prepared there first, which is asked for by U; prepared
-- is {id of its own, attempt, partition, result}.
local function release(c)
  local id, release_id, part, now, credit = c[2], c[3], c[4], c[5], c[6] or nil
  expire_if_over(id, now)
  local receipt = receipt_of(id)
  if not receipt then
    return refused({ 8 })
  end
  for _, first in ipairs(receipt[RELEASES]) do
    if first[1] == release_id then
      return first[2] == part and first[9] == credit and repeated(receipt) or { 'M' }
    end
  end
  if receipt[STATE] == EXPIRED then
    return refused({ 7 })
  end
  local share, reason = share_of(receipt, part)
  if not share then
    return refused(reason)
  end
  local credited = credit and unpacked(credit) or {}
  local is_theirs = credit and is_foreign(credited[1][2])
  if is_theirs and not c[7] then
    return { 'U' }
  elseif is_theirs and call('EXISTS', given_up_key(c[7][1], c[7][2])) == 1 then
    return { 'X' }
  end
  local no = obstacle(credited, now)
  if no then
    return no
  end
  secure(id, legs_in(receipt))
  secure(is_theirs and c[7][1] or id, credited)
  -- From here it must succeed.
  local live, is_held = live_of(receipt), receipt[STATE] == HELD
  if is_held then
    close_hold(id, receipt)
  end
  local only, keeps, given = share[1], share[2], share[3]
  local lapsed, short = settle(receipt, only, is_held, live, is_held, keeps, now)
  receipt[BACK] = receipt[BACK] + given
  if only then
    receipt[GONE] = with_legs(receipt[GONE], only)
  end
  if live == given then
    receipt[STATE] = RELEASED
  elseif is_held then
    open_hold(id, receipt)
  end
  local after, result = standings(receipt, now), nil
  if is_theirs then
    result = c[7][4]
    decide_credit(receipt, id, c)
  elseif credit then
    result = take(credited, {}, 1, credited[1], false, 0, now)
    result[2] = standing(credited[1], now)
    remember(id, credited)
  end
  local event = record(RELEASED_EVENT, id, now)
  follow_later(id, receipt, event)
  local releases = receipt[RELEASES]
  releases[#releases + 1] =
    { release_id, part, given, now, event, lapsed, short, after, credit, result }
  remember(id, legs_in(receipt))
  save_receipt(id, receipt)
  return done(receipt)
end

local function extend(id, ends, now)
  expire_if_over(id, now)
  local receipt = receipt_of(id)
  if not receipt then
    return refused({ 6 })
  end
  local state = receipt[STATE]
  if receipt[UNTIL] == ends then
    return repeated(receipt)
  elseif state == REDEEMED then
    return refused({ 6 })
  elseif state == RELEASED then
    return refused({ 9 })
  elseif state == EXPIRED or ends <= now then
    return refused({ 7 })
  end
  secure(id, legs_in(receipt))
  -- From here it must succeed.
  close_hold(id, receipt)
  receipt[UNTIL] = ends
  open_hold(id, receipt)
  follow_later(id, receipt, 0)
  record(EXTENDED_EVENT, id, now)
  save_receipt(id, receipt)
  return done(receipt)
end

local function status(id, now)
  local receipt = receipt_of(id)
  if not receipt then
    return { 'U' }
  end
  if receipt[STATE] == HELD and receipt[UNTIL] <= now then
    local over = {}
    for place = 1, GONE do
      over[place] = receipt[place]
    end
    over[STATE] = EXPIRED
    receipt = over
  end
  return repeated(receipt)
end

-- The answer to a posting whose id is known, or nil when it is to be tried (again).
local function repeat_of(id, fingerprint, ends, now)
  expire_if_over(id, now)
  local known = receipt_of(id)
  if not known then
    return nil
  end
  if known[FINGERPRINT] ~= fingerprint then
    return { 'M' }
  end
  local was_hold = known[UNTIL] and true or false
  if was_hold == (ends and true or false) then
    return repeated(known)
  elseif ends then
    return { 'M' }
  end
  -- A redemption under the id of its own hold.
  local state = known[STATE]
  if state == HELD then
    return confirm(id, false, now)
  elseif state == EXPIRED then
    return nil
  elseif known[CONFIRM] then
    return repeated(known)
  end
  return refused({ 9 })
end

local function spent(legs, results)
  for place, leg in ipairs(legs) do
    if leg[1] == SPEND then
      return results[place][1]
    end
  end
  return 1
end

-- What other partitions did for their legs of a posting, for the receipt.
local function merge(results, legs, foreign)
  for place, leg in ipairs(legs) do
    if is_foreign(leg[2]) and foreign[place] then
      results[place] = foreign[place]
    end
  end
end

-- c: {1, id, fingerprint, until, size, legs, note, now}; with `foreign`: and what the other
-- partitions did, by leg, and the attempt.
local function post(c, foreign, attempt, others)
  local id, fingerprint, ends, size, now = c[2], c[3], c[4], c[5], c[8]
  local answer = repeat_of(id, fingerprint, ends, now)
  if answer then
    return answer
  end
  if ends and ends <= now then
    return refused({ 7 })
  end
  local legs = unpacked(c[6])
  local no = obstacle(legs, now)
  if no then
    return no
  end
  secure(id, legs)
  -- From here it must succeed.
  local known = receipt_of(id)
  local earlier = known and known[RELEASES] or {}
  local results = take_all(legs, ends and true or false, next_event(), now)
  if foreign then
    merge(results, legs, foreign)
  end
  if size == 0 then
    size = spent(legs, results)
  end
  local receipt = {
    fingerprint, ends and HELD or REDEEMED, size, ends and 0 or size, 0, ends, ends, now, 0, false,
    c[6], results, c[7], earlier, others and { 1, attempt, others, 0 } or false, false,
  }
  legs_of[receipt] = legs
  if ends then
    open_hold(id, receipt)
  end
  for place, leg in ipairs(legs) do
    if not is_foreign(leg[2]) then
      results[place][2] = standing(leg, now)
    end
  end
  if others then
    call('ZADD', tag(home_of(id)) .. 'p', clock, id)
  end
  receipt[EVENT] = record(ends and HELD_EVENT or REDEEMED_EVENT, id, now)
  remember(id, legs)
  save_receipt(id, receipt)
  return done(receipt)
end

-- A posting of one leg that counts, told by its receipt, goes the way of all others.
local function as_any_other(receipt_at, packed)
  local id, receipt = read_receipt(receipt_at), unpacked(packed)
  return post({ 1, id, receipt[FINGERPRINT], false, receipt[SIZE], receipt[LEGS], receipt[NOTE],
    receipt[AT] })
end

-- First uses of what is counted once, and of which nothing is known: all that is to be written is
-- known but the number of the event. Each has two keys, its owner's and its receipt's, the first at
-- `at`, and four arguments, from `from` to `to`: the owner's record, the receipt up to its event's
-- number and from there on, the event from its number on. No other command of the call may name the
-- keys.
local function first_uses(at, args, from, to, tell)
  local began, count = 0, 0
  -- Counted here: asking for the length of a long list each time is slow.
  local written, noted = #foreseen, #events
  for place = from, to, 4 do
    if stored[at] or stored[at + 1] then
      if count > 0 then
        tell({ 'S', pack(began, partitions, count) })
        count = 0
      end
      read_owner(at)
      tell(as_any_other(at + 1, args[place + 1] .. '\0' .. args[place + 2]))
      noted = #events
    else
      local number = next_number()
      if count == 0 then
        began = number
      end
      count, number = count + 1, pack(number)
      foreseen[written + 1], foreseen[written + 2] = named[at], args[place]
      foreseen[written + 3] = named[at + 1]
      foreseen[written + 4] = args[place + 1] .. number .. args[place + 2]
      events[noted + 1], events[noted + 2], events[noted + 3] = '\149', number, args[place + 3]
      written, noted = written + 4, noted + 3
    end
    at = at + 2
  end
  if count > 0 then
    tell({ 'S', pack(began, partitions, count) })
  end
end

-- Uses of one counter, as many as find it as foreseen: all that is to be written is known but two
-- numbers. Gives where the next key and argument are.
local function further_uses(at, args, from, to, counter, tell)
  local owner, entry, n, limit, keep_until, middle = unpack(counter)
  local owned = owner_record(owner)
  local known = owned[2][entry] or { 0, keep_until }
  local most = math.min(limit or AMOUNT_MAX, AMOUNT_MAX)
  local place, after, began, ids, count = from, known[1], next_event(), {}, 0
  local last, noted, rest = #foreseen, #events, pack(known[2], 0)
  while place <= to and not owned[3] and not stored[at] and after + n <= most do
    after, count = after + n, count + 1
    local number, used = pack(next_number()), pack(after)
    ids[count] = sub(named[at], -16)
    foreseen[last + 1] = named[at]
    foreseen[last + 2] = args[place] .. number .. middle .. used .. args[place + 1]
    events[noted + 1], events[noted + 2], events[noted + 3] = '\149', number, args[place + 2]
    events[noted + 4], events[noted + 5] = used, rest
    at, place, last, noted = at + 1, place + 3, last + 2, noted + 5
  end
  if count > 0 then
    owned[1] = owned[1] .. concat(ids)
    owned[2][entry] = { after, known[2] }
    dirty_owners[owner] = true
    tell({ 'S', pack(began, partitions, count, known[1] + n, n) })
  end
  return at, place
end

-- Uses of one counter. The first argument says which: {owner, entry, n, limit, keep_until, the
-- receipt from its event's number up to what the counter stands at}. Each use has one key, its
-- receipt's, and three arguments: the receipt up to its event's number, and from what the counter
-- stands at on; the event from its number up to that. No other command of the call may name the
-- receipts.
local function uses(at, args, from, to, tell)
  local counter, place = unpacked(args[from]), from + 1
  while place <= to do
    at, place = further_uses(at, args, place, to, counter, tell)
    if place <= to then
      local receipt = args[place] .. '\0' .. counter[6] .. '\0' .. args[place + 1]
      tell(as_any_other(at, receipt))
      at, place = at + 1, place + 3
    end
  end
end

------------------------------------------------------------------------------------------------
-- Postings over several partitions (Cluster). Everything is prepared in the other partitions, then
-- decided at home, then followed by the others. Only the home decides; each message can arrive
-- twice or late and does no harm.

-- What the legs of a posting will add to a balance beyond what is owed there, if it is not over.
local function coming(legs, results, leg, now)
  local sum = 0
  for place, other in ipairs(legs) do
    local is_same_balance = other[1] == EARN and is_same(other, leg[2], leg[3])
    if is_same_balance and not is_over(moments_of(other), now) then
      sum = sum + results[place][1]
    end
  end
  local balance = sum > 0 and owner_record(leg[2])[2][leg[3]]
  return math.max(sum - (balance and balance[5] or 0), 0)
end

-- c: {12, id, attempt, home, fingerprint, legs, now, is_held, posting}. Takes what the legs here
-- need, as a hold that is over soon. With `posting` it is a credit of that one's release, which
-- stands in its note.
local function prepare(c)
  local id, attempt, now = c[2], c[3], c[7]
  local known = sub_of(id)
  if known and known[SPREAD][2] == attempt then
    return known[STATE] == HELD and { 'P', known[RESULTS] } or { 'X' }
  elseif known and (known[STATE] == HELD or known[STATE] == REDEEMED) then
    return { 'Q', { id, known[SPREAD][1], known[SPREAD][2] } }
  end
  local legs = unpacked(c[6])
  local no = obstacle(legs, now)
  if no then
    return no
  end
  secure(id, legs)
  -- From here it must succeed.
  local event = next_event()
  local results = take_all(legs, true, event, now)
  local ends = clock + PREPARED_MS
  local receipt = {
    c[5], HELD, 1, 0, 0, ends, ends, now, event, false, c[6], results, c[9] or '', {},
    { c[4], attempt, 0, 0, 0, {}, now }, false,
  }
  legs_of[receipt] = legs
  open_hold(id, receipt, true)
  for place, leg in ipairs(legs) do
    local result = results[place]
    if not is_foreign(leg[2]) then
      result[2] = standing(leg, now) + (c[8] and 0 or coming(legs, results, leg, now))
    end
    result[5] = event
  end
  record(FOLLOWED_EVENT, id, now)
  remember(c[9] or id, legs)
  subs[id] = receipt
  dirty_subs[id] = true
  return { 'P', results }
end

-- c: {8, id, fingerprint, until, size, legs, note, now, attempt, others, results}. Decides that a
-- posting is done whose other partitions are prepared.
local function decide(c)
  local id, attempt = c[2], c[9]
  if call('EXISTS', given_up_key(id, attempt)) == 1 then
    return { 'X' }
  end
  return post(c, c[11], attempt, c[10])
end

-- c: {9, id, attempt, now}. What became of an attempt; one that is not decided is given up.
local function decision(c)
  local id, attempt = c[2], c[3]
  expire_if_over(id, c[4])
  local receipt = receipt_of(id)
  local spread = receipt and receipt[SPREAD]
  if spread and spread[2] == attempt then
    return { 'T', { spread[1], receipt[STATE], receipt[SIZE], receipt[GIVEN], receipt[BACK],
      receipt[UNTIL], receipt[GONE] or false } }
  end
  call('SET', given_up_key(id, attempt), '1', 'PX', GIVEN_UP_MS)
  return { 'X' }
end

-- c: {13, id, attempt, now, target}, target as told by T, or false when the attempt was given up.
-- Makes what a posting has here as its home decided.
local function follow(c)
  local id, now, target = c[2], c[4], c[5]
  local receipt = sub_of(id)
  if not receipt or receipt[SPREAD][2] ~= c[3] then
    return { 'U' }
  end
  local spread = receipt[SPREAD]
  local is_prepared = spread[3] == 0
  local step = target and target[1] or 1
  -- What its home knows nothing of any more was a hold that is over, and whose id was used again.
  local is_replaced = not target and receipt[STATE] == HELD
  if spread[3] >= step and not is_replaced then
    return { 'F', { spread[4], spread[5], spread[6], receipt[RESULTS][1][1] } }
  end
  secure(id, legs_in(receipt))
  -- From here it must succeed.
  local was_held, live = receipt[STATE] == HELD, live_of(receipt)
  if was_held then
    close_hold(id, receipt, is_prepared)
  end
  local is_held, left = true, 0
  local lapsed, short = 0, 0
  if target then
    if is_prepared then
      live = target[3]
    end
    receipt[STATE], receipt[SIZE], receipt[GIVEN] = target[2], target[3], target[4]
    receipt[BACK], receipt[UNTIL] = target[5], target[6]
    if target[7] then
      -- Those that are gone already are skipped.
      lapsed, short = settle(receipt, target[7], was_held, live, was_held, 0, now)
      receipt[GONE] = target[7]
    end
    is_held, left = target[2] == HELD, live_of(receipt)
    if left == 0 then
      is_held = was_held
    end
  else
    receipt[STATE] = EXPIRED
  end
  if target and receipt[NOTE] ~= '' then
    -- A credit: what was given back before is there now.
    receipt[RESULTS] = take_all(legs_in(receipt), false, 0, now)
  elseif was_held ~= is_held or live ~= left then
    local more_lapsed, more_short = settle(receipt, nil, was_held, live, is_held, left, now)
    lapsed, short = lapsed + more_lapsed, short + more_short
  end
  spread[4], spread[5] = lapsed, short
  if receipt[STATE] == HELD then
    open_hold(id, receipt)
  end
  spread[3], spread[6], spread[7] = step, standings(receipt, now), now
  record(FOLLOWED_EVENT, id, now)
  remember(receipt[NOTE] ~= '' and receipt[NOTE] or id, legs_in(receipt))
  subs[id] = receipt
  dirty_subs[id] = true
  return { 'F', { spread[4], spread[5], spread[6], receipt[RESULTS][1][1] } }
end

-- A credit is in its balance; what it did there belongs to the release.
local function close_credit(credit, known, c)
  local id, release_id = sub(known[NOTE], 1, 16), sub(known[NOTE], 17)
  secure(credit, {})
  secure(id, {})
  local receipt = receipt_of(id)
  call('ZREM', tag(only) .. 'p', credit)
  call('DEL', tag(only) .. 'r' .. credit)
  receipts[credit] = false
  if receipt then
    for _, release in ipairs(receipt[RELEASES]) do
      if release[1] == release_id and c[6][1] then
        release[10] = { c[7], c[6][1], false, false }
      end
    end
    local open = {}
    for _, other in ipairs(receipt[SPREAD][5] or {}) do
      open[#open + 1] = other ~= credit and other or nil
    end
    receipt[SPREAD][5] = open
    save_receipt(id, receipt)
  end
  return { 'U' }
end

-- c: {10, id, step, lapsed, short, after, what the first leg did}. All have followed up to a step;
-- what they could not put back and what stands there now belongs to the home's answer. `after` is
-- by leg, false for ours.
local function close(c)
  local id = c[2]
  local receipt = receipt_of(id)
  if not receipt then
    return { 'U' }
  elseif receipt[EVENT] == 0 then
    return close_credit(id, receipt, c)
  end
  local spread = receipt[SPREAD]
  if spread and spread[1] == c[3] and spread[4] < c[3] then
    secure(id, {})
    spread[4] = c[3]
    call('ZREM', tag(only) .. 'p', id)
    local releases, confirmed, event = receipt[RELEASES], receipt[CONFIRM], spread[6]
    local last, after = releases[#releases], nil
    if last and last[5] == event then
      last[6], last[7] = last[6] + c[4], last[7] + c[5]
      after = last[8]
    elseif confirmed and confirmed[3] == event then
      after = confirmed[4]
    end
    for place, standing_there in ipairs(c[6]) do
      if after and standing_there then
        after[place] = standing_there
      end
    end
    save_receipt(id, receipt)
  end
  return done(receipt)
end

-- c: {11, legs, now}. Whether the guards of the legs here would pass.
local function would_pass(c)
  return obstacle(unpacked(c[2]), c[3]) or { 'U' }
end

-- c: {7, owner, ...}
local function look(c)
  local looked = {}
  for place = 2, #c do
    looked[#looked + 1] = { c[place], owner_record(c[place]) }
  end
  return { 'L', looked }
end

-- c: {kind, id, ...}: 1 post, 2 recall {fingerprint, until, now}, 3 confirm {part, now},
-- 4 release {release_id, part, now, credit, prepared}, 5 extend {until, now}, 6 status {now},
-- 7 look {owner, ...}; the others stand with their functions.
local function command(c)
  local kind, id = c[1], c[2]
  if kind == 1 then
    return post(c)
  elseif kind == 2 then
    return repeat_of(id, c[3], c[4], c[5]) or { 'U' }
  elseif kind == 3 then
    return confirm(id, c[3], c[4])
  elseif kind == 4 then
    return release(c)
  elseif kind == 5 then
    return extend(id, c[3], c[4])
  elseif kind == 6 then
    return status(id, c[3])
  elseif kind == 7 then
    return look(c)
  elseif kind == 8 then
    return decide(c)
  elseif kind == 9 then
    return decision(c)
  elseif kind == 10 then
    return close(c)
  elseif kind == 11 then
    return would_pass(c)
  elseif kind == 12 then
    return prepare(c)
  elseif kind == 13 then
    return follow(c)
  end
  fail('ERR unknown command ' .. tostring(kind))
end

------------------------------------------------------------------------------------------------
-- Writing it all down

-- When the last period is over, if all entries have one.
local function last_end(owned)
  local last = owned[3] and math.huge or 0
  for entry, value in pairs(owned[2]) do
    local keep_until = keep_until_of(entry, value)
    if not keep_until then
      return math.huge
    end
    last = math.max(last, keep_until)
  end
  return last
end

local function finish()
  local values, lasting = foreseen, {}
  for owner in pairs(dirty_owners) do
    local owned = owners[owner]
    move_history(owner, owned)
    local key = keys_of_owners[owner] or tag(partition_of(owner)) .. 'o' .. owner
    local last = last_end(owned)
    values[#values + 1] = key
    values[#values + 1] = pack(owned)
    if last < math.huge and last > 0 then
      lasting[key] = last
    end
  end
  for id in pairs(dirty_receipts) do
    values[#values + 1] = keys_of_receipts[id] or tag(home_of(id)) .. 'r' .. id
    values[#values + 1] = packed_receipt(receipts[id])
  end
  for id in pairs(dirty_subs) do
    values[#values + 1] = tag(only) .. 's' .. id
    values[#values + 1] = pack(subs[id])
  end
  return values, lasting
end

local function commit(epoch)
  local values, lasting = finish()
  if #events > 0 then
    local number = string.format('%.0f', counted)
    values[#values + 1] = tag(log) .. 'm'
    values[#values + 1] = epoch .. number
    call('XADD', tag(log) .. 'e', number .. '-0', 'e', concat(events))
  end
  if only then
    -- One by one: a moving slot does not take several keys at once that are not all there.
    for first = 1, #values, 2 do
      call('SET', values[first], values[first + 1])
    end
  else
    for first = 1, #values, 4000 do
      call('MSET', unpack(values, first, math.min(first + 3999, #values)))
    end
  end
  for key, last in pairs(lasting) do
    -- A day longer, for releases that come late.
    call('PEXPIRE', key, string.format('%.0f', last - clock + 86400000))
  end
end

-- Applies a batch, all of it in one step.
-- KEYS: fences of all partitions (in Cluster: of one), then the owners' records and the receipts
-- that the batch names, in any order, and in the end those whose places are known, in the order of
-- the commands: two of each first use, and the receipts of other uses.
-- ARGS: epoch, number of partitions, the one partition or "", the time in ms, how many keys' places
-- are known. Then in turns: a letter, a number, and so many commands: "F", first uses, with four
-- arguments each; "U", uses of one counter, with one argument for all and three for each; "C",
-- others, packed, with one each, where "" says that all that is left belongs to them.
-- Replies with a letter and a value for each command; uses that were done one after the other have
-- one together.
local function apply(keys, args)
  local epoch, left = args[1], tonumber(args[5])
  begin(keys, epoch, tonumber(args[2]), tonumber(args[3]), tonumber(args[4]), left)
  local answers = {}
  local function tell(answer)
    local value = answer[2]
    if answer[1] == 'D' or answer[1] == 'R' then
      value = packed_receipt(value)
    elseif type(value) == 'table' then
      value = pack(value)
    end
    answers[#answers + 1] = answer[1]
    answers[#answers + 1] = value or ''
  end
  local at, place = #keys - left + 1, 6
  while place < #args do
    local letter, count, first = args[place], tonumber(args[place + 1]), place + 2
    if letter == 'F' then
      place = first + 4 * count
      first_uses(at, args, first, place - 1, tell)
      at = at + 2 * count
    elseif letter == 'U' then
      place = first + 1 + 3 * count
      uses(at, args, first, place - 1, tell)
      at = at + count
    else
      place = count and first + count or #args + 1
      for other = first, place - 1 do
        tell(command(unpacked(args[other])))
      end
    end
  end
  commit(epoch)
  return answers
end

-- Finds the home of postings, or makes it known (Cluster).
-- KEYS: the fence of one partition.
-- ARGS: epoch, number of partitions, the partition, the time in ms, then for each posting its id,
-- the home to be made known unless another is known (or ""), and for how many ms.
-- Replies with the home of each, or -1.
local function claim(keys, args)
  begin(keys, args[1], tonumber(args[2]), tonumber(args[3]), tonumber(args[4]))
  local homes = {}
  for place = 5, #args, 3 do
    local key, home, ttl = tag(only) .. 'c' .. args[place], args[place + 1], args[place + 2]
    local known = call('GET', key)
    if not known and home ~= '' then
      call('SET', key, home, 'PX', ttl)
      known = home
    elseif known and home == known and call('PTTL', key) < tonumber(ttl) then
      call('PEXPIRE', key, ttl)
    end
    homes[#homes + 1] = known and tonumber(known) or -1
  end
  return homes
end

-- Drops a posting from the histories of the owners whose legs are here. What was let go leaves from
-- the old end of a history, some at a time; behind what stays, it waits and is not told.
local function drop_from_history(id, legs)
  for _, leg in ipairs(legs) do
    local owner = leg[2]
    if not is_foreign(owner) then
      local here = tag(partition_of(owner))
      local older = here .. 'i' .. owner
      for _ = 1, 64 do
        local first = call('LINDEX', older, 0)
        local place = first and tag(home_of(first))
        if not first or first ~= id and (call('EXISTS', place .. 'r' .. first) == 1
            or only and call('EXISTS', place .. 's' .. first) == 1) then
          break
        end
        call('LPOP', older)
      end
      call('ZREM', here .. 'l' .. owner, id)
    end
  end
end

-- Lets go of a posting, unless it is held or something happened to it later than `before`.
local function forget(id, before)
  local theirs = only and sub_of(id)
  if theirs and theirs[STATE] ~= HELD and theirs[SPREAD][7] < before then
    drop_from_history(theirs[NOTE] ~= '' and theirs[NOTE] or id, legs_in(theirs))
    call('DEL', tag(only) .. 's' .. id)
    subs[id] = false
  end
  local receipt = receipt_of(id)
  if not receipt then
    return
  end
  local last = math.max(receipt[AT], receipt[UNTIL] or receipt[AT])
  if receipt[CONFIRM] then
    last = math.max(last, receipt[CONFIRM][2])
  end
  for _, release in ipairs(receipt[RELEASES]) do
    last = math.max(last, release[4])
  end
  if last >= before or receipt[STATE] == HELD then
    return
  end
  drop_from_history(id, legs_in(receipt))
  for _, release in ipairs(receipt[RELEASES]) do
    drop_from_history(id, release[9] and unpacked(release[9]) or {})
  end
  call('DEL', tag(home_of(id)) .. 'r' .. id)
  receipts[id] = false
end

-- Lets go of events from before a moment, and of their receipts.
local function let_go(before, most)
  local count = 0
  for partition = only or 0, only or partitions - 1 do
    local stream = tag(partition) .. 'e'
    local found = call('XRANGE', stream, '-', '+', 'COUNT', 1)
    while found[1] and count < most do
      -- The events of one call are of one moment, as far as years are concerned.
      local packed = found[1][2][2]
      local offset, event = cmsgpack.unpack_one(packed, 0)
      if event[2] >= before then
        break
      end
      local ids = { event[4] }
      while offset >= 0 do
        offset, event = cmsgpack.unpack_one(packed, offset)
        ids[#ids + 1] = event[4]
      end
      for _, id in ipairs(ids) do
        forget(id, before)
      end
      call('XDEL', stream, found[1][1])
      count = count + #ids
      found = call('XRANGE', stream, '-', '+', 'COUNT', 1)
    end
  end
  return count
end

-- Ends holds whose time is over, and lets go of what is older than the retention.
-- KEYS: as for apply, without owners and receipts.
-- ARGS: epoch, number of partitions, the one partition or "", the time in ms, most holds to end
-- and events to let go, the moment before which events and their receipts may leave, the moment
-- before which others should have followed.
-- Replies with the holds ended, the doubts found, the postings whose other partitions have not
-- followed, and the events let go.
local function sweep(keys, args)
  local epoch = args[1]
  begin(keys, epoch, tonumber(args[2]), tonumber(args[3]), tonumber(args[4]))
  local most, before = tonumber(args[5]), tonumber(args[6])
  local due = {}
  for partition = only or 0, only or partitions - 1 do
    local found = call('ZRANGEBYSCORE', tag(partition) .. 'h', '-inf', clock, 'WITHSCORES',
      'LIMIT', 0, most)
    for place = 1, #found, 2 do
      due[#due + 1] = { tonumber(found[place + 1]), found[place] }
    end
  end
  table.sort(due, function(one, other)
    return one[1] < other[1] or one[1] == other[1] and one[2] < other[2]
  end)
  local ended, in_doubt = 0, {}
  for place = 1, math.min(#due, most) do
    local id = due[place][2]
    local receipt = receipt_of(id)
    if receipt and receipt[STATE] == HELD then
      expire(id, receipt, clock)
      ended = ended + 1
    elseif only and sub_of(id) then
      in_doubt[#in_doubt + 1] = pack({ id, sub_of(id)[SPREAD][1], sub_of(id)[SPREAD][2] })
    end
  end
  local open = {}
  if only then
    open = call('ZRANGEBYSCORE', tag(only) .. 'p', '-inf', args[7], 'LIMIT', 0, most)
  end
  commit(epoch)
  return { ended, in_doubt, open, let_go(before, most) }
end

redis.register_function('jeton_4_apply', apply)
redis.register_function('jeton_4_claim', claim)
redis.register_function('jeton_4_sweep', sweep)
