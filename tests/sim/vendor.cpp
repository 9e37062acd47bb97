#include "tests/sim/vendor.hpp"

#include "cache/rfc3339.hpp"
#include "server/http/body_decoder.hpp"
#include "server/http/head_guard.hpp"
#include "server/http/reply.hpp"
#include "server/visible.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include <openssl/evp.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <array>
#include <random>

namespace sim
{

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

struct connection
{
    explicit connection(tcp_socket s) : socket(std::move(s)) {}

    tcp_socket socket;
    std::unique_ptr<asio::ssl::stream<tcp_socket&>> tls;
    bool idle = true;
    std::size_t number = 0;

    task<std::pair<error_code, std::size_t>> read(std::span<char> room)
    {
        auto buffer = asio::buffer(room.data(), room.size());
        if (tls)
        {
            auto [e, n] = co_await tls->async_read_some(buffer, as_result);
            co_return std::pair{e, n};
        }
        auto [e, n] = co_await socket.async_read_some(buffer, as_result);
        co_return std::pair{e, n};
    }
    task<error_code> write(std::string_view text)
    {
        auto buffer = asio::buffer(text.data(), text.size());
        if (tls)
        {
            auto [e, n] = co_await asio::async_write(*tls, buffer, as_result);
            co_return e;
        }
        auto [e, n] = co_await asio::async_write(socket, buffer, as_result);
        co_return e;
    }
    void close()
    {
        error_code ignored;
        socket.close(ignored);
    }
    void reset()
    {
        error_code ignored;
        socket.set_option(asio::socket_base::linger(true, 0), ignored);
        socket.close(ignored);
    }
};
using connection_ptr = std::shared_ptr<connection>;

constexpr std::size_t kept_body_max = 64 << 10;

struct sim_request
{
    std::string head, method, path, query, authorization;
    std::string body;        // as much of it as is kept
    std::uint64_t size = 0;  // of all of it
    std::uint32_t sum = 0;   // of its bytes
    bool close = false;
};

std::string_view first_word(std::string_view& line)
{
    std::size_t end = std::min(line.find(' '), line.size());
    std::string_view word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    return word;
}

std::string decoded(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i)
    {
        if (text[i] == '%' && i + 2 < text.size())
        {
            out += char(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
            i += 2;
        }
        else
            out += text[i];
    }
    return out;
}

std::string parameter(std::string_view query, std::string_view name)
{
    while (!query.empty())
    {
        std::size_t end = std::min(query.find('&'), query.size());
        std::string_view pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (pair.starts_with(name) && pair.substr(name.size()).starts_with('='))
            return decoded(pair.substr(name.size() + 1));
    }
    return "";
}

}  // namespace

struct vendor::state : std::enable_shared_from_this<vendor::state>
{
    state(executor ex, vendor_options o, const clock_source& c) :
        loop(ex),
        options(std::move(o)),
        clock(c),
        limiter(options.limits)
    {
        if (options.world.newest == wall_time{})
            options.world.newest = std::chrono::floor<std::chrono::hours>(c.wall());
        if (!options.tls_certificate.empty())
        {
            tls.emplace(asio::ssl::context::tls_server);
            tls->use_certificate_chain(asio::buffer(options.tls_certificate));
            tls->use_private_key(asio::buffer(options.tls_key), asio::ssl::context::pem);
        }
    }

    executor loop;
    vendor_options options;
    const clock_source& clock;
    sim::limiter limiter;
    std::optional<asio::ssl::context> tls;
    std::optional<asio::basic_socket_acceptor<tcp, executor>> acceptor;
    std::uint16_t port = 0;
    std::list<std::weak_ptr<connection>> connections;

    std::set<std::string> held;
    std::multimap<std::string, std::function<void(bool)>> waiting;  // answers that are held back
    std::map<std::string, scripted> scripts;
    std::map<std::string, unsigned> revisions;
    std::set<std::string> removed;
    std::set<std::pair<std::string, std::string>> forbidden;
    std::map<std::string, std::size_t> lookups;
    std::vector<std::string> heads, bodies;
    std::vector<std::size_t> came_on;
    std::string greeting;
    std::size_t requests = 0, refused = 0, accepted = 0, answers = 0;
    bool stopped = false;
    std::mt19937 random{7};

    void open()
    {
        acceptor.emplace(loop);
        tcp::endpoint at(asio::ip::make_address(options.listen_host), port ? port : options.port);
        acceptor->open(at.protocol());
        acceptor->set_option(asio::socket_base::reuse_address(true));
        acceptor->bind(at);
        acceptor->listen();
        port = acceptor->local_endpoint().port();
        asio::co_spawn(loop, accept(shared_from_this()), asio::detached);
    }

    static task<void> accept(std::shared_ptr<state> self)
    {
        while (self->acceptor && self->acceptor->is_open())
        {
            tcp_socket socket(self->loop);
            auto [error] = co_await self->acceptor->async_accept(socket, as_result);
            if (error) continue;
            error_code ignored;
            socket.set_option(tcp::no_delay(true), ignored);
            ++self->accepted;
            auto c = std::make_shared<connection>(std::move(socket));
            c->number = self->accepted;
            self->connections.remove_if([](const auto& w) { return w.expired(); });
            self->connections.push_back(c);
            asio::co_spawn(self->loop, serve(self, c), asio::detached);
        }
    }

    static task<void> serve(std::shared_ptr<state> self, connection_ptr c)
    {
        if (self->tls)
        {
            c->tls = std::make_unique<asio::ssl::stream<tcp_socket&>>(c->socket, *self->tls);
            auto [error] = co_await c->tls->async_handshake(asio::ssl::stream_base::server, as_result);
            if (error) co_return;
        }
        std::string in;
        if (!self->greeting.empty()) co_await c->write(self->greeting);
        bool go_on = true;
        while (go_on)
        {
            c->idle = in.empty();
            auto request = co_await read(self, c, in);
            if (!request) break;
            c->idle = false;
            go_on = co_await answer(self, c, *request);
        }
        c->close();
    }

    static task<std::optional<sim_request>> read(std::shared_ptr<state> self, connection_ptr c, std::string& in)
    {
        head_scanner scanner(head_kind::request, 64 << 10);
        std::array<char, 8192> room;
        auto progress = head_scanner::progress::incomplete;
        if (!in.empty()) progress = scanner.scan(in);
        while (progress == head_scanner::progress::incomplete)
        {
            auto [error, bytes] = co_await c->read(room);
            if (error) co_return std::nullopt;
            in.append(room.data(), bytes);
            progress = scanner.scan(in);
        }
        if (progress == head_scanner::progress::refused) co_return std::nullopt;
        std::string head = in.substr(0, scanner.size());
        in.erase(0, head.size());

        sim_request r;
        r.head = head;
        std::string_view rest = head;
        std::string_view line = rest.substr(0, rest.find("\r\n"));
        r.method = first_word(line);
        std::string_view target = first_word(line);
        r.path = target.substr(0, target.find('?'));
        if (target.find('?') != target.npos) r.query = target.substr(target.find('?') + 1);
        std::vector<field_view> fields;
        for (std::size_t at = rest.find("\r\n") + 2; at < rest.size();)
        {
            std::size_t end = rest.find("\r\n", at);
            std::string_view field = rest.substr(at, end - at);
            at = end + 2;
            auto f = read_field_line(field);
            if (!f) continue;
            fields.push_back(*f);
            if (equals_lower(f->name, "authorization")) r.authorization = f->value;
            if (equals_lower(f->name, "connection") && equals_lower(f->value, "close")) r.close = true;
        }
        auto framed = framing_of(fields, 1, 0);
        if (framed.refused) co_return std::nullopt;
        auto script = self->scripts.find(r.path);
        if (script != self->scripts.end() && script->second.before_body) co_return r;
        bool good = co_await read_body(c, in, body_decoder(framed.body), r);
        if (!good) co_return std::nullopt;
        co_return r;
    }

    static task<bool> read_body(connection_ptr c, std::string& in, body_decoder decoder, sim_request& r)
    {
        std::vector<char> room(64 << 10);
        while (!decoder.is_done())
        {
            auto p = decoder.take(in);
            r.size += p.data.size();
            for (unsigned char byte : p.data) r.sum = r.sum * 31 + byte;
            if (r.body.size() < kept_body_max) r.body += p.data;
            in.erase(0, p.taken);
            if (p.taken > 0) continue;
            if (decoder.refused()) co_return false;
            auto [error, bytes] = co_await c->read(room);
            if (error) co_return false;
            in.append(room.data(), bytes);
        }
        co_return true;
    }

    // False when the connection ends.
    static task<bool> answer(std::shared_ptr<state> self, connection_ptr c, sim_request r)
    {
        state& s = *self;
        if (r.path.starts_with("/sim/"))
        {
            bool kept = co_await control(self, c, r);
            co_return kept;
        }
        if (s.options.way_jitter.count() > 0)
        {
            auto way = std::chrono::milliseconds(s.random() % std::uint64_t(s.options.way_jitter.count() + 1));
            co_await sleep_until(s.clock, s.clock.steady() + way);
        }
        ++s.requests;
        s.heads.push_back(r.head);
        s.bodies.push_back(r.body);
        s.came_on.push_back(c->number);
        std::string id = r.path.starts_with("/v2/calls/") ? r.path.substr(10) : "";
        bool is_lookup = !id.empty() && std::all_of(id.begin(), id.end(), ::isdigit);
        if (is_lookup) ++s.lookups[id];
        std::int64_t wait = s.limiter.take(s.clock.steady());
        auto delay = s.options.latency;
        if (s.options.jitter.count() > 0)
            delay += std::chrono::milliseconds(s.random() % std::uint64_t(s.options.jitter.count() + 1));
        if (delay.count() > 0) co_await sleep_until(s.clock, s.clock.steady() + delay);
        const std::string name = is_lookup ? id : r.path;
        if (s.held.contains(name))
        {
            auto held_back = [self, name](auto done) { self->waiting.emplace(name, std::move(done)); };
            co_await call_back<bool>(held_back);
        }
        if (s.stopped) co_return false;

        auto script = s.scripts.find(name);
        if (script == s.scripts.end()) script = s.scripts.find("");
        if (script != s.scripts.end())
        {
            bool kept = co_await play(self, c, script->second);
            co_return kept;
        }
        if (r.path == "/v2/bytes" && wait <= 0)
        {
            bool kept = co_await stream(self, c, r);
            co_return kept;
        }
        reply a = wait > 0 ? s.limited(wait) : s.make(r, is_lookup ? id : "");
        a.fields.emplace_back("x-ratelimit-remaining", std::to_string(s.options.limits.per_second));
        a.fields.emplace_back("Cache-Control", "no-store");
        a.fields.emplace_back("Set-Cookie", "session=" + std::to_string(s.answers) + "; Secure");
        std::string bytes;
        write_reply(bytes, a, {r.method == "HEAD", !r.close, 1}, s.clock.wall());
        error_code error = co_await c->write(bytes);
        co_return !error && !r.close;
    }

    // As many bytes as are asked for: `n`, and `chunked=1`.
    static task<bool> stream(std::shared_ptr<state>, connection_ptr c, sim_request r)
    {
        std::uint64_t left = std::stoull("0" + parameter(r.query, "n"));
        bool chunked = parameter(r.query, "chunked") == "1";
        std::string out = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n";
        out += chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Content-Length: " + std::to_string(left) + "\r\n\r\n";
        const std::string block(64 << 10, 'b');
        while (left > 0)
        {
            std::string_view data =
                std::string_view(block).substr(0, std::size_t(std::min<std::uint64_t>(left, block.size())));
            left -= data.size();
            if (chunked)
                write_chunk(out, data);
            else
                out += data;
            error_code error = co_await c->write(out);
            if (error) co_return false;
            out.clear();
        }
        if (chunked) write_last_chunk(out, {{"X-Sum", "1"}});
        error_code error = co_await c->write(out);
        co_return !error;
    }

    // Not part of the vendor, and not counted: what was counted so far.
    static task<bool> control(std::shared_ptr<state> self, connection_ptr c, sim_request r)
    {
        reply a;
        a.fields.emplace_back("Content-Type", "application/json");
        a.body = "{\"requests\":" + std::to_string(self->requests) + ",\"refused\":" + std::to_string(self->refused) +
                 ",\"connections\":" + std::to_string(self->accepted) + "}\n";
        std::string bytes;
        write_reply(bytes, a, {r.method == "HEAD", !r.close, 1}, self->clock.wall());
        error_code error = co_await c->write(bytes);
        co_return !error && !r.close;
    }

    static task<void> say(connection_ptr c, std::shared_ptr<const std::string> bytes) { co_await c->write(*bytes); }

    static task<bool> play(std::shared_ptr<state> self, connection_ptr c, scripted s)
    {
        std::string_view left = s.bytes;
        std::size_t piece = s.piece == 0 ? left.size() : s.piece;
        error_code error = co_await c->write(left.substr(0, piece));
        for (left.remove_prefix(std::min(piece, left.size())); !left.empty() && !error && !self->stopped;
             left.remove_prefix(std::min(piece, left.size())))
        {
            co_await sleep_until(self->clock, self->clock.steady() + 20ms);
            error = co_await c->write(left.substr(0, piece));
        }
        if (s.then == then::reset) c->reset();
        while ((s.then == then::hang || s.then == then::trickle) && !error && !self->stopped)
        {
            co_await sleep_until(self->clock, self->clock.steady() + 20ms);
            if (s.then == then::trickle)
                error = co_await c->write(s.again);
            else if (!c->socket.is_open())
                break;
        }
        co_return s.then == then::keep && !error;
    }

    std::string request_id() { return "sim" + std::to_string(++answers); }

    reply error(unsigned status, const std::string& text)
    {
        reply r;
        r.status = status;
        r.fields.emplace_back("Content-Type", "application/json;charset=UTF-8");
        r.body = "{\"requestId\":\"" + request_id() + "\",\"errors\":[\"" + json_escaped(text) + "\"]}";
        return r;
    }
    reply good(std::string rest)
    {
        reply r;
        r.fields.emplace_back("Content-Type", "application/json;charset=UTF-8");
        r.body = "{\"requestId\":\"" + request_id() + "\"," + std::move(rest) + "}";
        return r;
    }
    reply limited(std::int64_t wait)
    {
        ++refused;
        reply r = error(429, "API rate limit exceeded");
        r.fields.emplace_back("Retry-After", std::to_string(wait));
        return r;
    }

    std::optional<std::string> call(const std::string& id) const
    {
        if (removed.contains(id)) return std::nullopt;
        auto revision = revisions.find(id);
        return options.world.call(id, revision == revisions.end() ? 0 : revision->second);
    }

    reply make(const sim_request& r, const std::string& id)
    {
        auto key = options.keys.find(r.authorization);
        if (key == options.keys.end()) return error(401, "Authentication failed. Check the access key and its secret");
        if (forbidden.contains({r.authorization, id})) return error(403, "The key may not read this call");
        if (r.method == "GET" && !id.empty())
        {
            if (!key->second.calls) return error(403, "Missing scope api:calls:read:basic");
            auto found = call(id);
            return found ? good("\"call\":" + *found) : error(404, "Call ID " + id + " was not found");
        }
        if (r.method == "GET" && (r.path == "/v2/calls" || r.path == "/v2/calls/")) return list(r);
        if (r.method == "POST" && r.path == "/v2/calls/extensive")
            return key->second.extensive ? extensive(r) : error(403, "Missing scope api:calls:read:extensive");
        if (!r.path.starts_with("/v2/")) return error(404, "There is no such operation");
        // Any other operation says what it was given.
        return good("\"operation\":\"" +
                    json_escaped(r.method + " " + r.path + (r.query.empty() ? "" : "?" + r.query)) +
                    "\",\"size\":" + std::to_string(r.size) + ",\"sum\":" + std::to_string(r.sum));
    }

    // Newest last, 100 a page; the cursor is the number of the next call.
    reply list(const sim_request& r)
    {
        auto from = parse_rfc3339(parameter(r.query, "fromDateTime")),
             to = parse_rfc3339(parameter(r.query, "toDateTime"));
        if (!from || !to || *from > *to) return error(400, "fromDateTime and toDateTime are needed");
        const call_world& w = options.world;
        auto number_at = [&](wall_time t) { return (w.newest - t) / w.interval; };
        std::int64_t oldest = std::min<std::int64_t>(number_at(*from), std::int64_t(w.count) - 1);
        std::int64_t newest = std::max<std::int64_t>(number_at(*to), 0);
        std::string cursor = parameter(r.query, "cursor");
        std::int64_t total = std::max<std::int64_t>(0, oldest - newest + 1);
        std::int64_t at = cursor.empty() ? oldest : std::stoll(cursor);
        std::string calls;
        int count = 0;
        for (; at >= newest && count < 100; --at)
        {
            auto found = call(w.id(std::uint64_t(at)));
            if (!found) continue;
            calls += (calls.empty() ? "" : ",") + *found;
            ++count;
        }
        if (count == 0) return error(404, "No calls found corresponding to the provided filters");
        return good(records(total, count, at >= newest ? std::to_string(at) : "") + ",\"calls\":[" + calls + "]");
    }

    static std::string records(std::int64_t total, int page, const std::string& cursor)
    {
        std::string text = "\"records\":{\"totalRecords\":" + std::to_string(total) +
                           ",\"currentPageSize\":" + std::to_string(page) + ",\"currentPageNumber\":0";
        if (!cursor.empty()) text += ",\"cursor\":\"" + cursor + "\"";
        return text + "}";
    }

    reply extensive(const sim_request& r)
    {
        rapidjson::Document d;
        d.Parse(r.body.data(), r.body.size());
        if (d.HasParseError() || !d.IsObject() || !d.HasMember("filter") || !d["filter"].IsObject())
            return error(400, "Failed to parse the request");
        const auto& filter = d["filter"];
        if (!filter.HasMember("callIds") || !filter["callIds"].IsArray()) return error(400, "callIds is not a list");
        if (filter["callIds"].Empty()) return error(400, "callIds is empty");
        std::string calls;
        int count = 0;
        for (const auto& v : filter["callIds"].GetArray())
        {
            if (!v.IsString()) return error(400, "callIds holds something that is not a string");
            std::string id = v.GetString();
            auto n = options.world.number(id);
            auto found = call(id);
            if (!found || (n && !options.world.is_in_bulk(*n)) || forbidden.contains({r.authorization, id})) continue;
            calls += (calls.empty() ? "" : ",") + ("{\"metaData\":" + *found) +
                     ",\"context\":[],\"parties\":[],\"media\":{\"audioUrl\":\"https://media.gong.io/a?sign=" +
                     std::to_string(answers) + "\",\"videoUrl\":null}}";
            ++count;
        }
        if (count == 0) return error(404, "No calls found corresponding to the provided filters");
        return good(records(count, count, "") + ",\"calls\":[" + calls + "]");
    }

    void cut(bool idle_alone)
    {
        for (auto& w : connections)
            if (auto c = w.lock(); c && (!idle_alone || c->idle)) c->close();
    }
};

std::string basic(std::string_view key, std::string_view secret)
{
    std::string text = std::string(key) + ":" + std::string(secret);
    std::string out(4 * ((text.size() + 2) / 3), '\0');
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(text.data()),
                    int(text.size()));
    return "Basic " + out;
}

vendor::vendor(executor ex, vendor_options o, const clock_source& c) :
    state_(std::make_shared<state>(ex, std::move(o), c))
{
    state_->open();
}

vendor::~vendor()
{
    state_->stopped = true;
    state_->waiting.clear();  // they hold the state
    go_down();
}

std::uint16_t vendor::port() const
{
    return state_->port;
}
const call_world& vendor::world() const
{
    return state_->options.world;
}
std::string vendor::body(std::string_view id) const
{
    return state_->call(std::string(id)).value_or("");
}
void vendor::hold(const std::string& id)
{
    state_->held.insert(id);
}

void vendor::release(const std::string& id)
{
    state_->held.erase(id);
    auto [first, last] = state_->waiting.equal_range(id);
    for (auto at = first; at != last; ++at) at->second(true);
    state_->waiting.erase(first, last);
}

void vendor::script(const std::string& id, std::optional<scripted> s)
{
    if (s)
        state_->scripts[id] = *s;
    else
        state_->scripts.erase(id);
}

void vendor::volunteer(const std::string& bytes)
{
    auto all = std::make_shared<const std::string>(bytes);
    for (auto& w : state_->connections)
        if (auto c = w.lock(); c && c->idle) asio::co_spawn(state_->loop, state::say(c, all), asio::detached);
}

void vendor::greet(const std::string& bytes)
{
    state_->greeting = bytes;
}

void vendor::edit(const std::string& id)
{
    ++state_->revisions[id];
}

void vendor::remove(const std::string& id, bool removed)
{
    if (removed)
        state_->removed.insert(id);
    else
        state_->removed.erase(id);
}

void vendor::forbid(const std::string& authorization, const std::string& id)
{
    state_->forbidden.insert({authorization, id});
}
void vendor::withdraw(const std::string& authorization)
{
    state_->options.keys.erase(authorization);
}
void vendor::allow(const std::string& authorization, key_scopes s)
{
    state_->options.keys[authorization] = s;
}

void vendor::go_down()
{
    error_code ignored;
    if (state_->acceptor) state_->acceptor->close(ignored);
    state_->cut(false);
}

void vendor::come_up()
{
    state_->open();
}
void vendor::close_idle()
{
    state_->cut(true);
}
std::size_t vendor::requests() const
{
    return state_->requests;
}

std::size_t vendor::requests(const std::string& id) const
{
    auto found = state_->lookups.find(id);
    return found == state_->lookups.end() ? 0 : found->second;
}

std::size_t vendor::refused() const
{
    return state_->refused;
}
std::size_t vendor::connections() const
{
    return state_->accepted;
}
const std::vector<std::string>& vendor::bodies() const
{
    return state_->bodies;
}
const std::vector<std::string>& vendor::heads() const
{
    return state_->heads;
}
const std::vector<std::size_t>& vendor::came_on() const
{
    return state_->came_on;
}

}  // namespace sim
