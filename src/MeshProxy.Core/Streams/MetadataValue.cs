using System.Globalization;
using System.Text;
using MeshProxy.Core.Config;

namespace MeshProxy.Core.Streams;

/// <summary>What a <see cref="MetadataValue"/> holds.</summary>
public enum MetadataKind : byte
{
    Null,
    Bool,
    Number,
    String,
    List,
    Struct,
}

/// <summary>A value of metadata: null, bool, number, string, list or struct (protobuf's <c>Value</c>). Immutable, compared by content.</summary>
public readonly struct MetadataValue : IEquatable<MetadataValue>
{
    private readonly object? _reference;
    private readonly double _number;

    private MetadataValue(MetadataKind kind, double number, object? reference)
    {
        Kind = kind;
        _number = number;
        _reference = reference;
    }

    /// <summary>The value without a value, the same as <c>default</c>.</summary>
    public static MetadataValue Null => default;

    public MetadataKind Kind { get; }

    public bool IsNull => Kind == MetadataKind.Null;

    public static MetadataValue From(bool value) => new(MetadataKind.Bool, value ? 1 : 0, null);

    public static MetadataValue From(double value) => new(MetadataKind.Number, value, null);

    /// <summary>A string; null gives <see cref="Null"/>.</summary>
    public static MetadataValue From(string? value) => value is null ? default : new(MetadataKind.String, 0, value);

    public static MetadataValue ListOf(EquatableArray<MetadataValue> items) => new(MetadataKind.List, 0, items.AsSpan().ToArray());

    /// <summary>A struct; null gives <see cref="Null"/>.</summary>
    public static MetadataValue From(MetadataStruct? value) => value is null ? default : new(MetadataKind.Struct, 0, value);

    public static implicit operator MetadataValue(bool value) => From(value);

    public static implicit operator MetadataValue(double value) => From(value);

    public static implicit operator MetadataValue(string? value) => From(value);

    public static implicit operator MetadataValue(MetadataStruct? value) => From(value);

    /// <summary>The bool; false if it is none.</summary>
    public bool AsBool() => Kind == MetadataKind.Bool && _number != 0;

    /// <summary>The number; 0 if it is none.</summary>
    public double AsNumber() => Kind == MetadataKind.Number ? _number : 0;

    /// <summary>The string; null if it is none.</summary>
    public string? AsString() => Kind == MetadataKind.String ? (string)_reference! : null;

    /// <summary>The items; empty if it is no list.</summary>
    public ReadOnlySpan<MetadataValue> AsList() => Kind == MetadataKind.List ? (MetadataValue[])_reference! : default;

    /// <summary>The struct; null if it is none.</summary>
    public MetadataStruct? AsStruct() => Kind == MetadataKind.Struct ? (MetadataStruct)_reference! : null;

    public bool Equals(MetadataValue other) => Kind == other.Kind && Kind switch
    {
        MetadataKind.Null => true,
        MetadataKind.Bool or MetadataKind.Number => _number.Equals(other._number),
        MetadataKind.List => AsList().SequenceEqual(other.AsList()),
        _ => _reference!.Equals(other._reference),
    };

    public override bool Equals(object? obj) => obj is MetadataValue other && Equals(other);

    public override int GetHashCode()
    {
        if (Kind != MetadataKind.List)
        {
            return HashCode.Combine(Kind, _number, _reference);
        }

        var hash = default(HashCode);
        hash.Add(Kind);
        foreach (var item in AsList())
        {
            hash.Add(item);
        }

        return hash.ToHashCode();
    }

    public static bool operator ==(MetadataValue left, MetadataValue right) => left.Equals(right);

    public static bool operator !=(MetadataValue left, MetadataValue right) => !left.Equals(right);

    /// <summary>JSON; a string at the top stands without quotes, as in Envoy's access log.</summary>
    public override string ToString()
    {
        if (AsString() is { } text)
        {
            return text;
        }

        var json = new StringBuilder();
        AppendJson(json);
        return json.ToString();
    }

    internal void AppendJson(StringBuilder json)
    {
        switch (Kind)
        {
            case MetadataKind.Null:
                json.Append("null");
                break;
            case MetadataKind.Bool:
                json.Append(AsBool() ? "true" : "false");
                break;
            case MetadataKind.Number:
                json.Append(double.IsFinite(_number) ? _number.ToString("R", CultureInfo.InvariantCulture) : "null");
                break;
            case MetadataKind.String:
                AppendJsonString(json, (string)_reference!);
                break;
            case MetadataKind.List:
                json.Append('[');
                var separator = "";
                foreach (var item in AsList())
                {
                    json.Append(separator);
                    item.AppendJson(json);
                    separator = ",";
                }

                json.Append(']');
                break;
            default:
                ((MetadataStruct)_reference!).AppendJson(json);
                break;
        }
    }

    internal static void AppendJsonString(StringBuilder json, string text) =>
        json.Append('"').Append(System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(text)).Append('"');
}
