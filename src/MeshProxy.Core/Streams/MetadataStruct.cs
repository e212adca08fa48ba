using System.Collections;
using System.Text;

namespace MeshProxy.Core.Streams;

/// <summary>Named metadata values (protobuf's <c>Struct</c>). Compared by content, whatever the order.</summary>
/// <remarks>Written as a collection initializer, then read-only by convention: do not add to one that others may hold.</remarks>
public sealed class MetadataStruct : IEquatable<MetadataStruct>, IReadOnlyCollection<KeyValuePair<string, MetadataValue>>
{
    private readonly Dictionary<string, MetadataValue> _fields = new(StringComparer.Ordinal);

    public int Count => _fields.Count;

    /// <summary>The field, or <see cref="MetadataValue.Null"/>.</summary>
    public MetadataValue this[string name]
    {
        get => _fields.GetValueOrDefault(name);
        init => _fields[name] = value;
    }

    /// <exception cref="ArgumentException">The name is there already.</exception>
    public void Add(string name, MetadataValue value) => _fields.Add(name, value);

    public bool TryGet(string name, out MetadataValue value) => _fields.TryGetValue(name, out value);

    public bool Equals(MetadataStruct? other)
    {
        if (other is null || Count != other.Count)
        {
            return false;
        }

        foreach (var (name, value) in _fields)
        {
            if (!other._fields.TryGetValue(name, out var theirs) || !value.Equals(theirs))
            {
                return false;
            }
        }

        return true;
    }

    public override bool Equals(object? obj) => Equals(obj as MetadataStruct);

    public override int GetHashCode()
    {
        // A sum, because the order does not matter.
        var hash = Count;
        foreach (var (name, value) in _fields)
        {
            hash += HashCode.Combine(name, value);
        }

        return hash;
    }

    /// <summary>A new struct with the fields of both; on a clash the other one's stand.</summary>
    public MetadataStruct Merge(MetadataStruct other)
    {
        ArgumentNullException.ThrowIfNull(other);
        var merged = new MetadataStruct();
        foreach (var (name, value) in _fields)
        {
            merged._fields[name] = value;
        }

        foreach (var (name, value) in other._fields)
        {
            merged._fields[name] = value;
        }

        return merged;
    }

    public IEnumerator<KeyValuePair<string, MetadataValue>> GetEnumerator() => _fields.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>JSON.</summary>
    public override string ToString()
    {
        var json = new StringBuilder();
        AppendJson(json);
        return json.ToString();
    }

    internal void AppendJson(StringBuilder json)
    {
        json.Append('{');
        var separator = "";
        foreach (var (name, value) in _fields)
        {
            json.Append(separator);
            MetadataValue.AppendJsonString(json, name);
            json.Append(':');
            value.AppendJson(json);
            separator = ",";
        }

        json.Append('}');
    }
}
