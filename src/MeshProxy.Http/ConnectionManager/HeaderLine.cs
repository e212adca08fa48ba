using System.Text;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>A header with a fixed value, as the line that will be sent: setting it is one copy. Immutable, safe from any thread.</summary>
internal readonly struct HeaderLine
{
    private readonly byte[] _line;
    private readonly HeaderName _name;
    private readonly int _nameLength;

    /// <param name="name">A well-known one.</param>
    /// <param name="value">Without CR, LF and NUL: it is checked here, once.</param>
    public HeaderLine(HeaderName name, ReadOnlySpan<byte> value)
    {
        ArgumentOutOfRangeException.ThrowIfEqual((int)name.Id, (int)HeaderId.None);
        if (value.ContainsAny((byte)'\r', (byte)'\n', (byte)0))
        {
            throw new ArgumentException($"The value for header '{name}' holds CR, LF or NUL.", nameof(value));
        }

        _name = name;
        _nameLength = name.Bytes.Length;
        _line = [.. name.Bytes, .. ": "u8, .. value, .. "\r\n"u8];
    }

    public HeaderLine(HeaderName name, string value)
        : this(name, Encoding.UTF8.GetBytes(value))
    {
    }

    /// <summary>False for <c>default</c>.</summary>
    public bool IsSet => _line is not null;

    public ReadOnlySpan<byte> Value => _line.AsSpan((_nameLength + 2)..^2);

    /// <summary>Gives the name this value and no other.</summary>
    public void SetOn(HeaderMap headers)
    {
        if (headers.Contains(_name.Id))
        {
            headers.Set(_name, Value);
        }
        else
        {
            headers.AddLine(_name.Id, _line, _nameLength);
        }
    }
}
