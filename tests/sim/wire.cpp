#include "tests/sim/wire.hpp"

#include "server/http/body_decoder.hpp"
#include "server/http/head_guard.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace sim
{
namespace
{

constexpr std::size_t kept_body_max = 64 << 10, kept_framed_max = 256 << 10;

std::string_view first_word(std::string_view& line)
{
    std::size_t end = std::min(line.find(' '), line.size());
    std::string_view word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    return word;
}

task<bool> read_body(connection_ptr c, std::string& in, body_decoder decoder, sim_request& r)
{
    std::vector<char> room(64 << 10);
    while (!decoder.is_done())
    {
        auto p = decoder.take(in);
        r.size += p.data.size();
        for (unsigned char byte : p.data) r.sum = r.sum * 31 + byte;
        if (r.body.size() < kept_body_max) r.body += p.data;
        if (r.framed.size() < kept_framed_max) r.framed.append(in, 0, p.taken);
        in.erase(0, p.taken);
        if (p.taken > 0) continue;
        if (decoder.refused()) co_return false;
        auto [error, bytes] = co_await c->read(room);
        if (error) co_return false;
        in.append(room.data(), bytes);
    }
    co_return true;
}

}  // namespace

task<std::optional<sim_request>> read_request(connection_ptr c, std::string& in,
                                              std::function<bool(const std::string& path)> without_body)
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
    if (without_body(r.path)) co_return r;
    bool good = co_await read_body(c, in, body_decoder(framed.body), r);
    if (!good) co_return std::nullopt;
    co_return r;
}

}  // namespace sim
