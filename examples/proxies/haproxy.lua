-- Asks konpro about a request, as forward-auth does: a refusal reaches the
-- client as konpro gives it, and the API gets the account and the reservation,
-- never the key.

-- What only konpro may say.
local SAID = {"X-Konpro-Account", "X-Konpro-Reservation", "Idempotent-Replayed"}
-- What is not the question's, or what HAProxy's client sets.
local LEFT_OUT = {
  ["host"] = true, ["connection"] = true, ["content-length"] = true,
  ["transfer-encoding"] = true, ["expect"] = true, ["upgrade"] = true,
  ["te"] = true, ["x-forwarded-method"] = true, ["x-forwarded-uri"] = true,
}

local function values_of(list)
  local values = {}
  for _, value in pairs(list) do
    values[#values + 1] = value
  end
  return values
end

local function refuse(txn, status, headers, body)
  local reply = txn:reply{status = status}
  for name, list in pairs(headers) do
    if name ~= "content-length" and name ~= "connection" and
       name ~= "transfer-encoding" then
      for _, value in pairs(list) do
        reply:add_header(name, value)
      end
    end
  end
  if body ~= nil and body ~= "" then
    reply:set_body(body)
  end
  txn:done(reply)
end

core.register_action("konpro", {"http-req"}, function(txn)
  local asked = {
    ["x-forwarded-method"] = {txn.sf:method()},
    ["x-forwarded-uri"] = {txn.sf:pathq()},
  }
  for name, list in pairs(txn.http:req_get_headers()) do
    if not LEFT_OUT[name] then
      asked[name] = values_of(list)
    end
  end
  local answer = core.httpclient():get{
    url = os.getenv("KONPRO"),
    headers = asked,
    timeout = tonumber(os.getenv("KONPRO_TIMEOUT")),
  }
  if answer == nil or answer.status == nil or answer.status < 200 then
    refuse(txn, 503, {["retry-after"] = {"5"}}, "")
    return
  end
  if answer.status ~= 200 then
    refuse(txn, answer.status, answer.headers, answer.body)
    return
  end
  for _, name in ipairs(SAID) do
    txn.http:req_del_header(name)
    local list = answer.headers[string.lower(name)]
    if list ~= nil then
      txn.http:req_set_header(name, values_of(list)[1])
    end
  end
  txn.http:req_del_header("X-Api-Key")
end)
