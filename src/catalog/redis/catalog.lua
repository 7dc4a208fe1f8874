#!lua name=jeton_catalog_1

-- The steps of the catalog that must be one. The number in the names is that of the library: it
-- changes when a function does what it did not do before.
--
-- All keys have the tag {jc}, so they are in one slot. All numbers that come and go are texts.

-- How long a write is remembered, in seconds: sent again within this time, it is not done again.
local REMEMBERED_S = 600

-- Entries that a stream keeps, about.
local STREAM_ENTRIES = 100000

local function of_another_catalog(meta, epoch)
  if redis.call('HGET', meta, 'epoch') ~= epoch then
    return redis.error_reply('NOEPOCH the catalog is not the one that was opened')
  end
  return nil
end

-- Opens the catalog, or makes a new one where there is none.
-- KEYS: meta, and the hashes of campaigns and batches, which tell whether something is there.
-- ARGV: the format and the fingerprint of the store key of a new one.
-- Returns: format, fingerprint, epoch (the moment it was made), and a name for this writer that
-- no other writer has or had, even when Redis forgets that it gave it. The name is empty when the
-- first two are not as expected: then nothing is to be written.
local function open(keys, argv)
  local meta = keys[1]
  local now = redis.call('TIME')
  local moment = string.format('%d%06d', now[1], now[2])
  if redis.call('HEXISTS', meta, 'format') == 0 then
    if redis.call('EXISTS', unpack(keys)) > 0 then
      return redis.error_reply('FOREIGN what is there is no catalog')
    end
    redis.call('HSET', meta, 'format', argv[1], 'store_key_fingerprint', argv[2],
      'epoch', moment)
  end
  local found = redis.call('HMGET', meta, 'format', 'store_key_fingerprint', 'epoch')
  found[4] = ''
  if found[1] == argv[1] and found[2] == argv[2] then
    found[4] = moment .. '-' .. redis.call('HINCRBY', meta, 'writers', 1)
  end
  return found
end

-- Writes all of something, if everything is still as the writer has read it, and once however
-- often it is sent.
-- KEYS: the mark of this write, meta, then whatever is read and written.
-- ARGV: the epoch, the number of checks, per check 3 values, per write 4 values.
-- A check: the number of a key (a hash), a field, its value, which is empty when there is none.
-- A write: 'set' key field value, 'unset' key field '', 'sort' key number member,
-- 'unsort' key member '', 'drop' key '' '', 'push' key value '', or 'tell' key value ''.
-- Returns: 1 when it is written, 0 when something is not as expected.
local function commit(keys, argv)
  local refusal = of_another_catalog(keys[2], argv[1])
  if refusal then
    return refusal
  end
  -- A write too, so that waiting for replicas waits for what was written before.
  if redis.call('EXPIRE', keys[1], REMEMBERED_S) == 1 then
    return 1
  end
  local at = 3
  for _ = 1, tonumber(argv[2]) do
    local found = redis.call('HGET', keys[tonumber(argv[at])], argv[at + 1]) or ''
    if found ~= argv[at + 2] then
      return 0
    end
    at = at + 3
  end
  -- From here it must succeed.
  redis.call('SET', keys[1], '', 'EX', REMEMBERED_S)
  while at <= #argv do
    local verb, key = argv[at], keys[tonumber(argv[at + 1])]
    local first, second = argv[at + 2], argv[at + 3]
    if verb == 'set' then
      redis.call('HSET', key, first, second)
    elseif verb == 'unset' then
      redis.call('HDEL', key, first)
    elseif verb == 'unsort' then
      redis.call('ZREM', key, first)
    elseif verb == 'drop' then
      redis.call('DEL', key)
    elseif verb == 'sort' then
      redis.call('ZADD', key, first, second)
    elseif verb == 'push' then
      redis.call('RPUSH', key, first)
    else
      redis.call('XADD', key, 'MAXLEN', '~', STREAM_ENTRIES, '*', 'c', first)
    end
    at = at + 4
  end
  return 1
end

-- Reads what was told after a place.
-- KEYS: meta, then streams.
-- ARGV: the epoch, how many entries at most, per stream the id of the last one known.
-- Returns per stream: how many entries were ever added, how many are there, the id of the last
-- one, then id and value of each new one.
local function news(keys, argv)
  local refusal = of_another_catalog(keys[1], argv[1])
  if refusal then
    return refusal
  end
  local answer = {}
  for n = 2, #keys do
    local heard = {'0', '0', '0-0'}
    if redis.call('EXISTS', keys[n]) == 1 then
      local info = redis.call('XINFO', 'STREAM', keys[n])
      local by_name = {}
      for place = 1, #info, 2 do
        by_name[info[place]] = info[place + 1]
      end
      heard[1] = string.format('%.0f', by_name['entries-added'])
      heard[2] = string.format('%.0f', by_name['length'])
      heard[3] = by_name['last-generated-id']
      if tonumber(argv[2]) > 0 then
        local entries =
          redis.call('XRANGE', keys[n], '(' .. argv[n + 1], '+', 'COUNT', argv[2])
        for _, entry in ipairs(entries) do
          heard[#heard + 1] = entry[1]
          heard[#heard + 1] = entry[2][2]
        end
      end
    end
    answer[n - 1] = heard
  end
  return answer
end

redis.register_function('jeton_catalog_1_open', open)
redis.register_function('jeton_catalog_1_commit', commit)
redis.register_function{
  function_name = 'jeton_catalog_1_news', callback = news, flags = {'no-writes'}
}
