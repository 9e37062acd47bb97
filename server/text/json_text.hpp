// Writes JSON by RapidJSON's writer, so that it may stand in a page, and on a terminal, whatever its text holds.
#pragma once

#include "cache/time.hpp"
#include "server/text/escape.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace callcache
{

class json_text
{
public:
    json_text() : writer_(buffer_) { writer_.SetMaxDecimalPlaces(6); }

    // A member of the object that is being written.
    template<class Value>
    void operator()(std::string_view name, const Value& v)
    {
        put(name);
        put(v);
    }

    // The same with an array that has, of each element, what `put_one(element)` writes.
    template<class List, class Put>
    void list(std::string_view name, const List& all, Put put_one)
    {
        put(name);
        writer_.StartArray();
        for (const auto& one : all) put([&] { put_one(one); });
        writer_.EndArray();
    }

    // A value: text (`?` for what is not UTF-8), a number, a time in whole seconds since 1970, null for what is not
    // there, a list of such values, or an object with the members that `v()` writes. A number is of the size of an
    // int64_t.
    template<class Value>
    void put(const Value& v)
    {
        if constexpr (std::convertible_to<Value, std::string_view>)
            put_string(v);
        else if constexpr (std::same_as<Value, bool>)
            writer_.Bool(v);
        else if constexpr (std::signed_integral<Value>)
            writer_.Int64(v);
        else if constexpr (std::unsigned_integral<Value>)
            writer_.Uint64(v);
        else if constexpr (std::floating_point<Value>)
            v == Value(std::int64_t(v)) ? writer_.Int64(std::int64_t(v)) : writer_.Double(v);
        else if constexpr (std::same_as<Value, wall_time>)
            put(whole_seconds(v.time_since_epoch()));
        else if constexpr (requires { v.has_value(); })
            v ? put(*v) : void(writer_.Null());
        else if constexpr (std::invocable<const Value&>)
        {
            writer_.StartObject();
            v();
            writer_.EndObject();
        }
        else
        {
            writer_.StartArray();
            for (const auto& one : v) put(one);
            writer_.EndArray();
        }
    }

    std::string text() const { return {buffer_.GetString(), buffer_.GetSize()}; }

private:
    void put_string(std::string_view);

    // UTF-8 with an escape for what is acted upon (is_acted_upon), and for `<`.
    struct shown_utf8 : rapidjson::UTF8<>
    {
        template<class Out>
        static void EncodeUnsafe(Out& out, unsigned codepoint);
    };
    rapidjson::StringBuffer buffer_;
    rapidjson::Writer<rapidjson::StringBuffer, rapidjson::UTF8<>, shown_utf8> writer_;
};

// The object with the members that `put_members(json_text&)` writes.
template<class Put>
std::string json_object(Put put_members)
{
    json_text json;
    json.put([&] { put_members(json); });
    return json.text();
}

// The same, as a line.
template<class Put>
std::string json_line(Put put_members)
{
    return json_object(put_members) + "\n";
}

}  // namespace callcache
