-- What Finesse does and Prosody does not: an agent who signs in is subscribed, by the bare JID, to
-- the nodes of its own; and one port speaks without TLS while the others insist on it.
local automatic = module:get_option_boolean("stand_in_automatic", true);
local plain_port = module:get_option_number("stand_in_plain_port");
local pubsub = module:get_option_string("stand_in_pubsub");
local nodes = {
	"/finesse/api/User/%s",
	"/finesse/api/User/%s/Dialogs",
	"/finesse/api/User/%s/Dialogs/Media",
	"/finesse/api/User/%s/Media",
	"/finesse/api/SystemInfo",
};

local function subscribe(event)
	local session = event.session;
	local service = prosody.hosts[pubsub].modules.pubsub.service;
	local jid = session.username .. "@" .. session.host;
	for _, pattern in ipairs(nodes) do
		local node = pattern:format(session.username);
		service:create(node, true, { persist_items = false });  -- true: the service itself acts
		service:add_subscription(node, true, jid);
	end
end

if automatic then
	module:hook("resource-bind", subscribe);
end

-- Runs before the modules that would offer STARTTLS and refuse a login in the clear.
module:hook("stream-features", function (event)
	local session = event.origin;
	if session.conn and tonumber(session.conn:serverport()) == plain_port then
		session.secure = true;
		session.conn.starttls = false;  -- as on a connection that has TLS already
	end
end, 1000);

-- Tests count these lines.
module:hook("authentication-failure", function (event)
	local handler = event.session.sasl_handler;
	module:log("warn", "Refused a login of %s", handler and handler.username or "somebody");
end);
