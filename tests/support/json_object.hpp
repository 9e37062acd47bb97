// A second opinion on JSON: RapidJSON's own.
#pragma once

#include <rapidjson/document.h>

#include <string_view>

namespace callcache
{

// True if the text is one whole JSON object.
inline bool is_json_object(std::string_view text)
{
    constexpr unsigned flags =
        rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseValidateEncodingFlag;
    rapidjson::Document d;
    d.Parse<flags>(text.data(), text.size());
    return !d.HasParseError() && d.IsObject();
}

}  // namespace callcache
