-- Prosody as a stand-in for Finesse's notification service. Everything that varies comes from the
-- environment, which Prosody shows as ENV_*; tests/integration/servers.py sets it. No secret is
-- among it: accounts are files in the data folder, the component's secret is a file beside them.
local domain = ENV_XMPP_DOMAIN
local folder = ENV_XMPP_FOLDER
local function on(name) return name == "yes" end

daemonize = false
run_as_root = true  -- in a container root may be all there is; the program wants --root as well
certificates = folder
data_path = folder .. "/data"
pidfile = folder .. "/prosody.pid"
plugin_paths = { ENV_XMPP_MODULES }
log = { { to = "file", filename = folder .. "/log", levels = { min = ENV_XMPP_LOG } } }

interfaces = { "127.0.0.1" }
use_ipv6 = false
c2s_ports = { tonumber(ENV_XMPP_STARTTLS), tonumber(ENV_XMPP_PLAIN) }
c2s_direct_tls_ports = { tonumber(ENV_XMPP_TLS) }
legacy_ssl_ports = {}
component_ports = { tonumber(ENV_XMPP_COMPONENT) }
component_interfaces = { "127.0.0.1" }

-- What Finesse has: no stream management, no federation, no offline messages, PLAIN alone.
modules_enabled = { "roster", "saslauth", "tls", "disco", "ping", "presence", "message", "iq" }
modules_disabled = { "s2s", "offline" }
disable_sasl_mechanisms = {
	"SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "DIGEST-MD5",
	"OAUTHBEARER",
}
c2s_require_encryption = true  -- but for the plain port, which mod_stand_in opens
allow_unencrypted_plain_auth = true
-- Limits on the size of a stanza are those that the package comes with.

ssl = {
	certificate = folder .. "/server.crt",
	key = folder .. "/server.key",
	protocol = ENV_XMPP_NEWEST_TLS == "1.2" and "tlsv1_2" or "tlsv1_2+",
}

authentication = on(ENV_XMPP_ANY_PASSWORD) and "insecure" or "internal_plain"
insecure_open_authentication = "Yes please, I know what I'm doing!"
storage = "memory"  -- nodes, subscriptions and rosters are gone with the process
admins = { "publisher@" .. domain }

VirtualHost(domain)
	modules_enabled = { "stand_in" }
	storage = { accounts = "internal", roster = "memory" }  -- accounts are files
	stand_in_automatic = on(ENV_XMPP_AUTOMATIC)
	stand_in_plain_port = tonumber(ENV_XMPP_PLAIN)
	stand_in_pubsub = "pubsub." .. domain

Component("pubsub." .. domain)("pubsub")
	autocreate_on_publish = true
	autocreate_on_subscribe = true
	admins = { "publisher@" .. domain }

-- The name that is dialled: the TLS port refuses names that it is no host for.
VirtualHost("localhost")

local secret = assert(io.open(folder .. "/component-secret"))
Component("component." .. domain)
	component_secret = secret:read("*l")
secret:close()
