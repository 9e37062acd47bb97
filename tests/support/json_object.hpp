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

// True if RapidJSON stopped at what the grammar allows and it does not: half a surrogate pair, a number beyond a
// double.
inline bool is_odd(rapidjson::ParseErrorCode why)
{
    return why == rapidjson::kParseErrorStringUnicodeSurrogateInvalid || why == rapidjson::kParseErrorNumberTooBig;
}

}  // namespace callcache
