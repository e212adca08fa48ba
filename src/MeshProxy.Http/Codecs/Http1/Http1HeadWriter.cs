using System.Runtime.CompilerServices;
using MeshProxy.Core.Buffers;

namespace MeshProxy.Http.Codecs.Http1;

/// <summary>Writes a head into the tail of a buffer: one reservation for a head that fits, further slabs for one that does not.</summary>
internal unsafe ref struct Http1HeadWriter
{
    private readonly IoBuffer _output;
    private byte* _at;
    private byte* _end;
    private byte* _start;

    public Http1HeadWriter(IoBuffer output, int expectedBytes)
    {
        _output = output;
        Open(Math.Min(expectedBytes, SlabPool.MaxSlabBytes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length <= _end - _at)
        {
            bytes.CopyTo(new Span<byte>(_at, bytes.Length));
            _at += bytes.Length;
        }
        else
        {
            WriteOver(bytes);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write(byte* bytes, int count) => Write(new ReadOnlySpan<byte>(bytes, count));

    /// <summary>Writes a name in lower case.</summary>
    public void WriteLower(ReadOnlySpan<byte> name)
    {
        foreach (var b in name)
        {
            var lower = Headers.HeaderBytes.ToLower(b);
            Write(&lower, 1);
        }
    }

    public void WriteDecimal(long value)
    {
        const int MaxDigits = 20;
        var digits = stackalloc byte[MaxDigits];
        var at = MaxDigits;
        do
        {
            digits[--at] = (byte)('0' + (value % 10));
            value /= 10;
        }
        while (value != 0);
        Write(digits + at, MaxDigits - at);
    }

    /// <summary>Makes what was written readable.</summary>
    public void Commit() => _output.Commit((int)(_at - _start));

    private void WriteOver(ReadOnlySpan<byte> bytes)
    {
        while (true)
        {
            var n = Math.Min(bytes.Length, (int)(_end - _at));
            bytes[..n].CopyTo(new Span<byte>(_at, n));
            _at += n;
            bytes = bytes[n..];
            if (bytes.IsEmpty)
            {
                return;
            }

            Commit();
            Open(Math.Min(bytes.Length, SlabPool.MaxSlabBytes));
        }
    }

    private void Open(int bytes)
    {
        // Slabs are pinned, and the buffer holds this one: the pointers stay good until the next Open.
        var room = _output.WritableTail(bytes, bytes);
        _start = _at = (byte*)Unsafe.AsPointer(ref System.Runtime.InteropServices.MemoryMarshal.GetReference(room));
        _end = _at + room.Length;
    }
}
